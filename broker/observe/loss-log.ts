// Writes losses into the log: a line when messages of a channel begin to be dropped for a reason, and while it goes on
// one every ten seconds, with how many it were. Counters tell the rest.

import { dropReasons } from '../ground/fate.ts'
import type { Account } from '../ground/slice.ts'
import type { Log } from '../ground/types.ts'

/** Least time between two lines about one channel and reason. ms */
const QUIET_MS = 10_000

/** What was said about one account and reason. */
interface Told {
  /** Deliveries dropped until then. */
  count: number
  atMs: number
}

export class LossLog {
  readonly #log: Log
  readonly #told = new WeakMap<Account, Map<string, Told>>()

  constructor(log: Log) {
    this.#log = log
  }

  /** Says what was lost of a channel since it was last said; `channel` undefined: what is published outside channels. */
  look(nowMs: number, channel: string | undefined, account: Account): void {
    for (const reason of dropReasons) {
      // Nobody there is no loss on the way: it is counted, and a receipt tells it.
      if (reason === 'no-interest') continue
      const total = account.dropped[reason]
      if (total === 0) continue
      const told = this.#of(account, reason)
      const count = total - told.count
      if (count === 0 || nowMs - told.atMs < QUIET_MS) continue
      told.count = total
      told.atMs = nowMs
      this.#log.warn({ channel: channel ?? 'none', reason, count, total }, 'messages dropped')
    }
  }

  #of(account: Account, reason: string): Told {
    let reasons = this.#told.get(account)
    if (reasons === undefined) this.#told.set(account, (reasons = new Map()))
    let told = reasons.get(reason)
    if (told === undefined) reasons.set(reason, (told = { count: 0, atMs: -Infinity }))
    return told
  }
}
