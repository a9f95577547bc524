// A client's end of the memory that its broker shares: large frames are written there, and read from there. Node alone.

import { closeSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { MemoryBorrower } from '../broker/ground/memory-borrower.ts'
import { MemoryLender, type MemoryLoan } from '../broker/ground/memory-lender.ts'
import type { MemoryOffer } from '../broker/ground/shared-memory.ts'

/** Segments of one client: further frames go by the socket until the broker has read. */
const MAX_SEGMENTS = 4
const MAX_BYTES = 64 * 1024 * 1024

export class SharedMemory {
  readonly #offer: MemoryOffer
  readonly #lender: MemoryLender
  readonly #borrower: MemoryBorrower
  /** By the number of the segment. */
  readonly #lent = new Map<number, MemoryLoan>()
  #lentBytes = 0

  constructor(offer: MemoryOffer, maxReadBytes: number) {
    this.#offer = offer
    this.#lender = new MemoryLender({ directory: offer.own, limitBytes: MAX_BYTES, maxSegments: MAX_SEGMENTS })
    this.#borrower = new MemoryBorrower(offer.directory, maxReadBytes)
  }

  /** Puts the bytes into a segment, whose number it gives; undefined: they are small, or there is no room. */
  lend(bytes: Uint8Array): number | undefined {
    const { thresholdBytes, aheadBytes } = this.#offer
    if (bytes.length < thresholdBytes || (this.#lentBytes > 0 && this.#lentBytes + bytes.length > aheadBytes)) return undefined
    const loan = this.#lender.lend(bytes)
    if (loan === undefined) return undefined
    this.#lent.set(loan.number, loan)
    this.#lentBytes += loan.bytes
    return loan.number
  }

  /** The broker has read the segment. */
  returned(number: number): void {
    const loan = this.#lent.get(number)
    if (loan === undefined) return
    this.#lent.delete(number)
    this.#lentBytes -= loan.bytes
    loan.giveBack()
  }

  /** What the broker has put into its segment. @throws BrokerError `memory.unreadable` */
  take(number: number, bytes: number): Uint8Array {
    return this.#borrower.read(number, bytes)
  }

  /** The link is gone. The broker may still read what was sent: files go with their directory, which is its own. */
  close(): void {
    this.#lender.close()
    this.#borrower.close()
    this.#lent.clear()
  }
}

/** Takes the offer, if this process can write and read there: in a container, or confined, it may not. */
export function shareMemory(offer: MemoryOffer, maxReadBytes: number): SharedMemory | undefined {
  const probe = join(offer.own, 'probe')
  try {
    closeSync(openSync(probe, 'wx', 0o400))
    closeSync(openSync(probe, 'r'))
    rmSync(probe)
    return new SharedMemory(offer, maxReadBytes)
  } catch {
    return undefined
  }
}
