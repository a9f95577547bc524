// Rows of a backlog that were read before anybody asked for them: while those who got the last ones are busy with them, the thread has nothing else to
// do. Knows no SQL; whoever changes a row says so.

import type { MessageRow } from './message-row.ts'

export class ReadAhead {
  /** In order; those before `#next` were taken. */
  #rows: readonly MessageRow[] = []
  #next = 0
  /** They are all that stand behind this position, up to the last of them. */
  #after = -1

  /** True when rows behind `after` are there. */
  begins(after: number): boolean {
    return after === this.#after && this.#next < this.#rows.length
  }

  /** All rows from behind `after` to the last of them. */
  hold(after: number, rows: readonly MessageRow[]): void {
    this.#rows = rows
    this.#next = 0
    this.#after = after
  }

  /** At most `limit` of those behind `after`, with more than one not more than so many bytes of frames; undefined: none are there. */
  take(after: number, limit: number, maxBytes: number): MessageRow[] | undefined {
    if (!this.begins(after)) return undefined
    let end = this.#next
    let bytes = 0
    while (end < this.#rows.length && end - this.#next < limit && (end === this.#next || bytes + this.#rows[end]!.bytes <= maxBytes)) bytes += this.#rows[end++]!.bytes
    const taken = this.#rows.slice(this.#next, end)
    this.#next = end
    this.#after = taken.at(-1)?.position ?? after
    if (end === this.#rows.length) this.#rows = []
    return taken
  }

  /** One of these positions is changed. */
  forget(first: number, last: number): void {
    if (this.#rows.length > 0 && last > this.#after && first <= this.#rows.at(-1)!.position) this.clear()
  }

  clear(): void {
    this.#rows = []
    this.#after = -1
  }
}
