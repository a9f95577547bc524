// Dead letters of a queue: the frames in a topic of their own, which of them there are in the journal.

import { BrokerError } from '../../ground/errors.ts'
import type { DeadEntry } from '../brokered/foreign-queue.ts'
import { deadHeaders, readDead } from './entry-headers.ts'
import type { Journal } from './journal.ts'
import type { LogRecord, PartitionLog } from './partition-log.ts'

/** Positions in one fact: a record has 1 MiB at most. */
const MAX_DUG = 5000

export class DeadLetters {
  readonly #log: Pick<PartitionLog, 'append' | 'at' | 'next'>
  readonly #journal: Pick<Journal, 'ledger' | 'write'>
  /** Offsets of those that stand in their topic, and not in the journal yet. */
  readonly #buried = new Set<number>()
  /** 0: for ever. ms */
  maxAgeMs: number

  constructor(log: Pick<PartitionLog, 'append' | 'at' | 'next'>, journal: Pick<Journal, 'ledger' | 'write'>, maxAgeMs: number) {
    this.#log = log
    this.#journal = journal
    this.maxAgeMs = maxAgeMs
  }

  /** Their number and bytes. */
  get size(): { dead: number; deadBytes: number } {
    const all = this.#positions()
    return { dead: all.length, deadBytes: all.reduce((sum, position) => sum + this.#journal.ledger.dead.get(position)!.bytes, 0) }
  }

  /** Where the topic may begin: what stands before is dug up. */
  get firstOffset(): number {
    let first = this.#log.next
    for (const offset of this.#buried) first = Math.min(first, offset)
    for (const { offset } of this.#journal.ledger.dead.values()) first = Math.min(first, offset)
    return first
  }

  async bury(entry: DeadEntry): Promise<void> {
    const { position, frame, atMs } = entry
    if (this.#journal.ledger.dead.has(position)) return
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#log.append({ value: frame, headers: deadHeaders(entry) }, (outcome) => {
      if (outcome instanceof BrokerError) return reject(outcome)
      this.#buried.add(outcome)
      resolve(outcome)
    })
    const offset = await promise
    try {
      // Should this broker end here, nobody knows of the record, and the message is buried anew.
      await this.#journal.write({ dead: [position, offset, frame.length, atMs] })
    } finally {
      this.#buried.delete(offset)
    }
  }

  async read(after: number, limit: number): Promise<DeadEntry[]> {
    const { ledger } = this.#journal
    const page = this.#positions().filter((position) => position > after).slice(0, limit)
    const near = new Map<number, LogRecord>()
    const found: DeadEntry[] = []
    for (const position of page) {
      const offset = ledger.dead.get(position)?.offset
      if (offset === undefined) continue
      if (!near.has(offset)) for (const record of await this.#log.at(offset)) near.set(record.offset, record)
      const record = near.get(offset)
      const entry = record === undefined ? undefined : readDead(record)
      if (entry !== undefined) found.push(entry)
    }
    return found
  }

  /** Says how many were there. */
  async remove(which: 'all' | readonly number[]): Promise<number> {
    const there = new Set(this.#positions())
    const dug = which === 'all' ? [...there] : [...new Set(which)].filter((position) => there.has(position))
    await this.#dig(dug)
    return dug.length
  }

  async #dig(positions: readonly number[]): Promise<void> {
    for (let from = 0; from < positions.length; from += MAX_DUG) await this.#journal.write({ dug: positions.slice(from, from + MAX_DUG) })
  }

  // In order; those that are too old are dug up by the way.
  #positions(): number[] {
    const { ledger } = this.#journal
    const now = Date.now()
    const old = this.maxAgeMs === 0 ? [] : [...ledger.dead].filter(([, { atMs }]) => atMs + this.maxAgeMs <= now).map(([position]) => position)
    this.#dig(old).catch(() => {})
    const gone = new Set(old)
    return [...ledger.dead.keys()].filter((position) => !gone.has(position)).toSorted((a, b) => a - b)
  }
}
