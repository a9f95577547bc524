// The way to one receiver: one write in flight, the next pieces wait for it. Knows nothing of frames.

import type { Writable } from 'node:stream'
import type { Loan } from '../../broker/delivery/loan.ts'

/** What of a socket is used here. */
export type Receiver = Pick<Writable, 'cork' | 'uncork' | 'write' | 'writableLength'>

const NOTHING = new Uint8Array(0)

export class Port {
  readonly receiver: Receiver
  #isBusy = false
  #waiting: Uint8Array[] = []
  #waitingLoans: Loan[] = []
  #flightLoans: Loan[] = []

  constructor(receiver: Receiver) {
    this.receiver = receiver
  }

  /** Writes the pieces, or lets them wait; holds the loan until the kernel has taken them. */
  write(pieces: readonly Uint8Array[], loan: Loan): void {
    if (this.#isBusy) {
      this.#waiting.push(...pieces)
      this.#waitingLoans.push(loan)
      loan.hold()
    } else if (!this.#send(pieces)) {
      this.#flightLoans.push(loan)
      loan.hold()
    }
  }

  // True when the kernel took everything at once.
  #send(pieces: readonly Uint8Array[]): boolean {
    const { receiver } = this
    if (pieces.length === 1) receiver.write(pieces[0]!)
    else {
      receiver.cork()
      for (const piece of pieces) receiver.write(piece)
      receiver.uncork()
    }
    if (receiver.writableLength === 0) return true
    this.#isBusy = true
    // An empty write is done when all before it is.
    receiver.write(NOTHING, () => this.#drained())
    return false
  }

  #drained(): void {
    for (const loan of this.#flightLoans) loan.release()
    this.#isBusy = false
    this.#flightLoans = this.#waitingLoans
    this.#waitingLoans = []
    const pieces = this.#waiting
    this.#waiting = []
    if (pieces.length > 0 && !this.#send(pieces)) return
    for (const loan of this.#flightLoans) loan.release()
    this.#flightLoans = []
  }
}
