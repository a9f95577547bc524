// The counts of one queue, kept in its row of the table `queues` by the transaction that changes them. Knows no message.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { totalsSum } from './row-sum.ts'

const columns = [
  'paused', 'last_position', 'waiting', 'waiting_bytes', 'scheduled', 'dead', 'dead_bytes', 'stored', 'duplicates', 'acked', 'forwarded', 'dead_lettered', 'expired', 'dropped', 'purged', 'replayed', 'retried', 'attempted',
] as const

type Column = (typeof columns)[number]

/** Messages, unless the name says bytes; see QueueCounts. `scheduled`: those that wait and have a due time. */
export class Totals implements Record<Column, number> {
  paused = 0
  last_position = 0
  waiting = 0
  waiting_bytes = 0
  scheduled = 0
  dead = 0
  dead_bytes = 0
  stored = 0
  duplicates = 0
  acked = 0
  forwarded = 0
  dead_lettered = 0
  expired = 0
  dropped = 0
  purged = 0
  replayed = 0
  retried = 0
  /** Up to this position every row whose `attempts` are 0, and that has no due time, was handed out once. */
  attempted = 0
  /** They do not fit their checksum: what is wrong. undefined: they do, or nothing was counted yet */
  damage: string | undefined
  readonly #id: number
  readonly #name: string
  readonly #read: StatementSync
  readonly #write: StatementSync

  constructor(sql: DatabaseSync, id: number, name: string) {
    this.#id = id
    this.#name = name
    this.#read = sql.prepare(`SELECT ${columns.join(', ')}, sum FROM queues WHERE id = ?`)
    this.#write = sql.prepare(`UPDATE queues SET ${columns.map((column) => `${column} = ?`).join(', ')}, sum = ? WHERE id = ?`)
    this.load()
  }

  /** What stands in the database: also what holds after a transaction was rolled back. */
  load(): void {
    const { sum, ...counts } = this.#read.get(this.#id) as { readonly sum: number } & Record<Column, number>
    Object.assign(this, counts)
    this.damage = sum === 0 || sum === this.#sum() ? undefined : 'the counts of the queue do not fit their checksum'
    // One that is too high would make a message a dead letter that nobody had.
    if (this.damage !== undefined) this.attempted = 0
  }

  save(): void {
    this.#write.run(...this.#values(), this.#sum(), this.#id)
  }

  #values(): number[] {
    return columns.map((column) => this[column])
  }

  #sum(): number {
    return totalsSum(this.#id, this.#name, this.#values())
  }
}
