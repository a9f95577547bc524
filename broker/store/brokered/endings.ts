// What becomes of a message that was not acknowledged: another attempt, a dead letter, or nothing but a count.

import { BrokerError } from '../../ground/errors.ts'
import type { AttemptRecord, DeathReason, QueueEvent } from '../../ground/store.ts'
import { isLastAttempt, retryDelayMs } from '../policy/retry-schedule.ts'
import type { Kept } from './foreign-queue.ts'
import { attemptOf, type Here } from './hand.ts'
import { expiryMs, wallMs, type Workplace } from './workplace.ts'

/** Records of one message that are kept; of more the first ones go. */
const MAX_HISTORY = 20
const MAX_REASON = 1024

export class Endings {
  readonly #at: Workplace

  constructor(at: Workplace) {
    this.#at = at
  }

  /** An attempt failed: again after a delay, or a dead letter when it was the last, or when its time is over. It must be `ending`. */
  async fail(here: Here, reason: string, delayMs?: number): Promise<void> {
    const { settings } = this.#at
    const attempt = attemptOf(here)
    const history = this.#historyOf(here, reason)
    if (expiryMs(here.arrival, settings) <= wallMs(this.#at)) return this.#buryHere(here, 'expired', attempt, history)
    if (isLastAttempt(settings.retry, attempt)) return this.#buryHere(here, 'max-attempts', attempt, history)
    await this.#retry(here, delayMs ?? retryDelayMs(settings.retry, attempt), reason, history)
  }

  /** Never again, as its consumer says. It must be `ending`. */
  term(here: Here, said: string): Promise<void> {
    return this.#buryHere(here, 'term', attemptOf(here), this.#historyOf(here, said))
  }

  /** A dead letter of what arrived and was not delivered this time. It must be `ending`. */
  buryUndelivered(here: Here, reason: DeathReason): Promise<void> {
    return this.#buryHere(here, reason, attemptOf(here) - 1, here.history)
  }

  // It is on lease (again) when the store cannot take it: its ack wait decides then.
  async #buryHere(here: Here, reason: DeathReason, attempts: number, history: readonly AttemptRecord[]): Promise<void> {
    const at = this.#at
    const { position } = here.arrival
    try {
      await this.#keep(here.arrival, reason, attempts, history)
      await at.foreign.finish([position])
    } catch (error) {
      at.hand.lease(here, at.clock.monotonicMs())
      throw error
    }
    at.hand.remove(position, at.clock.monotonicMs())
    this.#ended(position, reason, attempts)
  }

  /** A dead letter of what has not arrived here. False: somebody else has finished it meanwhile. */
  async buryElsewhere(kept: Kept, reason: DeathReason): Promise<boolean> {
    const { notes, foreign, settings } = this.#at
    const history = notes.get(kept.position)?.history ?? []
    const attempts = history.at(-1)?.attempt ?? 0
    await this.#keep(kept, reason, attempts, history)
    if (!(await foreign.remove(kept.position))) {
      if (settings.deadLetter.enabled) await foreign.removeDead([kept.position])
      return false
    }
    notes.take(kept.position)
    this.#ended(kept.position, reason, attempts)
    return true
  }

  /** True when it must not be delivered any more. */
  isOver(kept: Kept): boolean {
    return expiryMs(kept, this.#at.settings) <= wallMs(this.#at)
  }

  async #retry(here: Here, delayMs: number, reason: string, history: readonly AttemptRecord[]): Promise<void> {
    const { hand, notes, foreign, clock } = this.#at
    const { position } = here.arrival
    const dueAtMs = delayMs === 0 ? 0 : wallMs(this.#at) + delayMs
    notes.set(position, { skew: here.skew, dueAtMs, history, isGivenBack: true })
    notes.tally.retried++
    hand.fail(position, clock.monotonicMs())
    // When it fails the store gives it out again by itself, later: nobody extends it any more.
    await foreign.giveBack(position, delayMs)
    this.#tell({ position, event: 'retry', attempt: attemptOf(here), reason, dueAtMs: dueAtMs || wallMs(this.#at) })
  }

  async #keep(kept: Kept, reason: DeathReason, attempts: number, history: readonly AttemptRecord[]): Promise<void> {
    const { settings, foreign } = this.#at
    if (!settings.deadLetter.enabled) return
    const { frame, messageId, session, sequence, dueAtMs, expiresAtMs, position, storedAtMs } = kept
    const entry = { frame, messageId, session, sequence, dueAtMs, expiresAtMs, position, storedAtMs, attempts, reason, atMs: wallMs(this.#at), history }
    try {
      await foreign.bury(entry)
    } catch (error) {
      // With all that its attempts failed with it may be larger than the store takes, and would come again for ever.
      if (history.length === 0 || BrokerError.from(error).code !== 'queue.bad_option') throw error
      await foreign.bury({ ...entry, history: [] })
    }
  }

  #ended(position: number, reason: DeathReason, attempt: number): void {
    const { settings, notes } = this.#at
    if (settings.deadLetter.enabled) return this.#tell({ position, event: 'dead-lettered', attempt, reason })
    const event = reason === 'expired' ? 'expired' : 'dropped'
    notes.tally[event]++
    this.#tell({ position, event, attempt, reason })
  }

  #tell(event: QueueEvent): void {
    this.#at.listener.happened([event])
  }

  #historyOf(here: Here, error: string): AttemptRecord[] {
    return [...here.history, { attempt: attemptOf(here), endedAtMs: wallMs(this.#at), error: error.slice(0, MAX_REASON) }].slice(-MAX_HISTORY)
  }
}
