// A link over a Unix socket whose large pieces can pass in memory beside it. Knows no frames.
//
//   write   [64 B][1 MiB][64 B]  ──▶  socket [64 B][lent s7][64 B]      s7 in /dev/shm holds the 1 MiB
//                                     its reader says `returned s7` when it has it

import { rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { BrokerError } from '../../broker/ground/errors.ts'
import { MemoryBorrower } from '../../broker/ground/memory-borrower.ts'
import type { MemoryLoan } from '../../broker/ground/memory-lender.ts'
import { segmentName, type LinkMemory, type MemoryOffer } from '../../broker/ground/shared-memory.ts'
import type { Peer, Wrap } from '../../broker/ground/types.ts'
import { StreamLink } from '../stream-link.ts'
import type { HostMemory } from './host-memory.ts'

/** Of all that may be on loan, what one receiver may have that does not give it back: a quarter. */
const SHARES = 4
/** Time for a client that was cut off to read what was written to it. ms */
const KEEP_MS = 30_000
/** Files of a client that stay open: it lends that many. */
const MAX_OPEN = 4

export class LendingLink extends StreamLink {
  override readonly memory: ClientMemory
  /** By the broker: its client may be there, and behind. */
  #isCutOff = false

  constructor(socket: Socket, peer: Peer, memory: HostMemory) {
    super(socket, peer)
    this.memory = new ClientMemory(memory)
  }

  override get wrap(): Wrap | undefined {
    return this.memory.wrap
  }

  override write(pieces: readonly Uint8Array[]): boolean {
    this.memory.said()
    return super.write(this.memory.isLending && !this.socket.destroyed && !this.socket.writableEnded ? this.memory.held(pieces) : pieces)
  }

  override destroy(): void {
    this.#isCutOff = true
    super.destroy()
  }

  override closed(): void {
    super.closed()
    this.memory.close(this.#isCutOff)
  }
}

/** The memory of one link. */
class ClientMemory implements LinkMemory {
  readonly #host: HostMemory
  /** By the number of the segment. */
  readonly #held = new Map<number, MemoryLoan>()
  #heldBytes = 0
  /** Taken since the link was last written to: that its client has them back it cannot know yet. */
  #takenBytes = 0
  #own: string | undefined
  /** That its client knows. */
  #directory: string | undefined
  #borrower: MemoryBorrower | undefined
  #isLending = false

  constructor(host: HostMemory) {
    this.#host = host
  }

  get isLending(): boolean {
    return this.#isLending
  }

  get wrap(): Wrap | undefined {
    return this.#isLending ? this.#host.wrap : undefined
  }

  offer(): MemoryOffer | undefined {
    const { maxTakenBytes, thresholdBytes, aheadBytes } = this.#host
    this.#own ??= this.#host.makeClientDirectory()
    // Asked for afterwards: the client's may have been made in a new one.
    const { directory } = this.#host
    if (directory === undefined || this.#own === undefined) return undefined
    this.#borrower ??= new MemoryBorrower(this.#own, maxTakenBytes, MAX_OPEN)
    this.#directory = directory
    return { directory, own: this.#own, thresholdBytes, aheadBytes }
  }

  begin(): void {
    this.#isLending = this.#borrower !== undefined
  }

  returned(number: number): void {
    const loan = this.#held.get(number)
    if (loan === undefined) return
    this.#held.delete(number)
    this.#heldBytes -= loan.bytes
    loan.giveBack()
  }

  take(number: number, bytes: number): Uint8Array {
    this.#borrower ??= new MemoryBorrower('', 0)
    const { aheadBytes } = this.#host
    // A client that keeps to the offer cannot come here; one that does not would have gigabytes read in one turn by a chunk of small frames.
    if (this.#takenBytes > 0 && this.#takenBytes + bytes > aheadBytes) throw tooMuch(this.#own, number, this.#takenBytes + bytes, aheadBytes)
    const content = this.#borrower.read(number, bytes)
    this.#takenBytes += bytes
    return content
  }

  /** The link is written to. What was taken until now may be said to be read by that; before, its client has it on loan. */
  said(): void {
    this.#takenBytes = 0
  }

  /** The pieces as this link writes them: with the loans that it can have, and the bytes themselves for others. */
  held(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
    let written: Uint8Array[] | undefined
    for (const [i, piece] of pieces.entries()) {
      const lent = this.#host.lentPiece(piece)
      if (lent !== undefined && !(this.#directory === this.#host.directory && this.#hold(lent.loan))) (written ??= [...pieces])[i] = lent.original
    }
    return written ?? pieces
  }

  /** `mayRead`: its client may be there, and read what the socket still holds, to the goodbye at its end; that takes it a while at most. */
  close(mayRead = false): void {
    this.#isLending = false
    const loans = [...this.#held.values()]
    // Nobody here is told whether it has read.
    const giveBack = (): void => loans.forEach((loan) => loan.giveBack(true))
    if (mayRead && loans.length > 0) setTimeout(giveBack, KEEP_MS).unref()
    else giveBack()
    this.#held.clear()
    this.#heldBytes = 0
    this.#borrower?.close()
    this.#borrower = undefined
    if (this.#own !== undefined) rmSync(this.#own, { recursive: true, force: true })
    this.#own = undefined
  }

  #hold(loan: MemoryLoan): boolean {
    if (this.#heldBytes + loan.bytes > this.#host.limitBytes / SHARES || this.#held.has(loan.number) || !loan.hold()) return false
    this.#held.set(loan.number, loan)
    this.#heldBytes += loan.bytes
    return true
  }
}

function tooMuch(own: string | undefined, number: number, bytes: number, aheadBytes: number): BrokerError {
  const problem = `${bytes} bytes are on loan with it, the offer was ${aheadBytes} (aheadBytes), or one frame; wait for what was lent to be returned`
  return new BrokerError('memory.unreadable', { path: join(own ?? '', segmentName(number)), problem })
}
