// Writes losses into the log: a line when messages for a receiver begin to be dropped for a reason, while it goes on one
// every ten seconds, and one for the rest when it leaves; each with how many it were. `trace --dropped` tells which.

import { dropReasons, type DropReason } from '../ground/fate.ts'
import type { Log } from '../ground/types.ts'

/** Least time between two lines about one receiver and reason. ms */
const QUIET_MS = 10_000

/** Whoever loses messages. */
interface Loser {
  /** `conn-<origin>` */
  readonly id: string
  readonly client: string
  /** Messages for it that were dropped so far; undefined: none. */
  readonly outbound: { readonly dropped: Readonly<Record<DropReason, number>> | undefined }
}

/** What was said about one receiver and reason. */
interface Told {
  /** Messages dropped until then. */
  count: number
  atMs: number
}

export class LossLog {
  readonly #log: Log
  readonly #told = new WeakMap<Loser, Map<DropReason, Told>>()

  constructor(log: Log) {
    this.#log = log
  }

  /** Says what a receiver lost since it was last said. `isLast`: it leaves, so nothing is kept for later. */
  look(nowMs: number, receiver: Loser, isLast = false): void {
    const { dropped } = receiver.outbound
    if (dropped === undefined) return
    for (const reason of dropReasons) {
      if (dropped[reason] === 0) continue
      const told = this.#of(receiver, reason)
      const count = dropped[reason] - told.count
      if (count === 0 || (!isLast && nowMs - told.atMs < QUIET_MS)) continue
      told.count = dropped[reason]
      told.atMs = nowMs
      const fields = { connection: receiver.id, client: receiver.client, reason, count, total: dropped[reason] }
      // Whoever leaves does not wait for what is on its way to it.
      if (reason === 'actor-gone') this.#log.info(fields, 'messages dropped')
      else this.#log.warn(fields, 'messages dropped')
    }
  }

  #of(receiver: Loser, reason: DropReason): Told {
    let reasons = this.#told.get(receiver)
    if (reasons === undefined) this.#told.set(receiver, (reasons = new Map<DropReason, Told>()))
    let told = reasons.get(reason)
    if (told === undefined) reasons.set(reason, (told = { count: 0, atMs: -Infinity }))
    return told
  }
}
