// What is known to be damaged in a store, each place once, and who is told of it. Knows not how it was found.

import { BrokerError } from '../../ground/errors.ts'
import type { Damage } from '../../ground/store.ts'
import type { Log } from '../../ground/types.ts'

/** Places that are remembered; the log has all that were told. */
const MAX_KNOWN = 1000

export class DamageList {
  readonly #known = new Map<string, Damage>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  get all(): readonly Damage[] {
    return [...this.#known.values()]
  }

  /** Told by the log, unless it is known. */
  add(damage: Damage): void {
    const { queue, position, problem } = damage
    const key = `${queue}\0${position ?? problem}`
    if (this.#known.has(key) || this.#known.size >= MAX_KNOWN) return
    this.#known.set(key, damage)
    const { message } = new BrokerError('store.damaged', { queue: queue || '(all)', place: position === undefined ? 'its files' : `position ${position}`, problem })
    this.#log.error({ queue, position, problem }, message)
  }
}
