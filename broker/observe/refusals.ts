// Keeps a storm of refusals from filling the audit log and the log: the first of an address are written one by one, the rest as a count.
//
//   minute      1 2 … 10 │ 11 12 … 4000 │ end of the minute
//   written     x x    x │              │ one line: count 3990

import type { Audit, AuditFields } from '../ground/audit.ts'
import { Deadline, type Deadlines } from '../ground/deadlines.ts'
import type { Log } from '../ground/types.ts'

/** Refusals of one address that are written one by one in a minute. */
const SINGLY = 10
const PERIOD_MS = 60_000
/** Addresses that are told apart in a minute; all others are counted together. */
const MAX_ADDRESSES = 1024
const OTHERS = 'others'

interface Tally {
  written: number
  /** Not written, by code. */
  readonly counted: Map<string, number>
}

export class Refusals {
  readonly #audit: Audit
  readonly #log: Log
  readonly #deadlines: Deadlines
  readonly #tallies = new Map<string, Tally>()
  readonly #periodEnd = new Deadline(() => this.#tell())

  constructor(audit: Audit, log: Log, deadlines: Deadlines) {
    this.#audit = audit
    this.#log = log
    this.#deadlines = deadlines
  }

  /**
   * `address` may end with a port, which is no part of who it is. `code` is one of the error table.
   * False: it was only counted, and need not be told elsewhere.
   */
  record(address: string, code: string, fields: AuditFields = {}): boolean {
    const tally = this.#tally(withoutPort(address))
    const isSingle = tally.written < SINGLY
    if (isSingle) {
      tally.written++
      this.#audit.record('connection.refused', address, { code, ...fields })
    } else tally.counted.set(code, (tally.counted.get(code) ?? 0) + 1)
    if (!this.#periodEnd.isSet) this.#deadlines.set(this.#periodEnd, PERIOD_MS)
    return isSingle
  }

  /** Writes down what was only counted until now; nothing comes later. */
  close(): void {
    this.#deadlines.cancel(this.#periodEnd)
    this.#tell()
  }

  #tally(host: string): Tally {
    const key = this.#tallies.has(host) || this.#tallies.size < MAX_ADDRESSES ? host : OTHERS
    let tally = this.#tallies.get(key)
    if (tally === undefined) {
      // Of the others none is written singly: a thousand addresses of ten lines each were before them.
      tally = { written: key === OTHERS ? SINGLY : 0, counted: new Map() }
      this.#tallies.set(key, tally)
    }
    return tally
  }

  #tell(): void {
    for (const [host, { counted }] of this.#tallies) {
      if (counted.size === 0) continue
      const codes = [...counted].map(([code, count]) => `${code} ${count}`).join(', ')
      const fields = { count: [...counted.values()].reduce((sum, count) => sum + count, 0), codes, periodMs: PERIOD_MS }
      this.#audit.record('connection.refused', host, fields)
      this.#log.warn({ address: host, ...fields }, `${fields.count} more were refused within a minute`)
    }
    this.#tallies.clear()
  }
}

// `127.0.0.1:40112` and `[::1]:40112`; what has no port stays.
function withoutPort(address: string): string {
  return /^(\[.*\]|[^:]+):\d+$/.exec(address)?.[1] ?? address
}
