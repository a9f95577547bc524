// What is appended to a brokered queue: splits it into messages, puts each into the store, and tells its publisher what became of them.

import { BrokerError } from '../../ground/errors.ts'
import type { Append } from '../../ground/store.ts'
import { durabilities, type Durability } from '../../ground/store-settings.ts'
import { entriesOf, tellOutcomes } from './append-progress.ts'
import type { PutOutcome } from './foreign-queue.ts'
import type { Upkeep } from './upkeep.ts'
import { wallMs, type Workplace } from './workplace.ts'

export interface Strength {
  readonly name: string
  readonly backend: string
  /** The strongest that the store gives. */
  readonly durability: Durability
}

export class Appends {
  readonly #at: Workplace
  readonly #upkeep: Upkeep
  readonly #strength: Strength
  readonly #onStored: () => void
  /** How full it is, while the store is asked. */
  #looking: Promise<BrokerError> | undefined

  /** @param onStored something may be due earlier now */
  constructor(at: Workplace, upkeep: Upkeep, strength: Strength, onStored: () => void) {
    this.#at = at
    this.#upkeep = upkeep
    this.#strength = strength
    this.#onStored = onStored
  }

  /** Resolves when its publisher has been told. `problem`: why nothing can be appended at the moment. */
  async append(append: Append, problem: BrokerError | undefined): Promise<void> {
    const refusal = problem ?? tooWeak(this.#strength, append.durability)
    // Before anything is waited for: the bytes are the caller's again afterwards.
    const putting = refusal === undefined ? this.#put(append) : undefined
    if (putting === undefined) {
      await Promise.resolve()
      return append.watch.refused(append.count, refusal!)
    }
    const outcomes = await putting
    const isRefused = outcomes.includes('full') && this.#at.settings.whenFull !== 'drop-newest'
    tellOutcomes(append, outcomes, isRefused ? await (this.#looking ??= this.#full()) : undefined)
  }

  #put(append: Append): Promise<PutOutcome[]> {
    const { foreign, settings } = this.#at
    const entries = entriesOf(append)
    const outcomes: PutOutcome[] = []
    const { promise, resolve } = Promise.withResolvers<PutOutcome[]>()
    for (const entry of entries)
      foreign.put(entry, settings.deduplication.enabled ? entry.messageId : undefined, (outcome) => {
        outcomes.push(outcome)
        if (typeof outcome === 'object' && 'position' in outcome) this.#stored(outcome, append, entry.frame.length)
        if (outcomes.length === entries.length) resolve(outcomes)
      })
    return promise
  }

  #stored({ position, isDuplicate }: { position: number; isDuplicate: boolean }, { dueAtMs, expiresAtMs }: Append, bytes: number): void {
    const { notes, hand } = this.#at
    if (isDuplicate) {
      notes.tally.duplicates++
      return
    }
    if (dueAtMs > wallMs(this.#at) && hand.get(position) === undefined && notes.get(position) === undefined) notes.set(position, { skew: 0, dueAtMs, history: [], isGivenBack: false })
    this.#upkeep.put(position, bytes, expiresAtMs)
    this.#onStored()
  }

  // One look for all that are refused meanwhile.
  async #full(): Promise<BrokerError> {
    const { foreign, name: queue, settings: { maxMessages, maxBytes } } = this.#at
    try {
      const { messages, bytes } = await foreign.state()
      return new BrokerError('queue.full', { queue, messages, bytes, maxMessages, maxBytes })
    } catch (error) {
      return BrokerError.from(error)
    } finally {
      this.#looking = undefined
    }
  }
}

/** @throws BrokerError `store.durability` */
export function checkDurability(strength: Strength, asked: Durability): void {
  const refusal = tooWeak(strength, asked)
  if (refusal !== undefined) throw refusal
}

function tooWeak({ name: queue, backend, durability: given }: Strength, asked: Durability): BrokerError | undefined {
  if (durabilities.indexOf(asked) <= durabilities.indexOf(given)) return undefined
  return new BrokerError('store.durability', { queue, asked, backend, given, problem: 'ask for less, or see docs/queues.md for what gives more' })
}
