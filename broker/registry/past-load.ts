// What instances have had to do that are not registered any more: their open requests still end, and count then.

import type { InstanceLoad } from '../ground/registry.ts'

type Sum = { -readonly [Key in keyof InstanceLoad]: InstanceLoad[Key] }

export class PastLoad {
  readonly #over: Sum = { outstanding: 0, failures: 0, answered: 0, unanswered: 0, tookMs: 0 }
  /** Those that have something open. */
  readonly #ending = new Set<InstanceLoad>()

  /** Nothing was ever added. */
  isEmpty = true

  /** `load` may change until it has nothing outstanding. */
  add(load: InstanceLoad): void {
    this.#fold()
    this.isEmpty = false
    this.#ending.add(load)
  }

  /** Of all that were added, together. */
  get load(): InstanceLoad {
    this.#fold()
    const sum = { ...this.#over }
    for (const load of this.#ending) addTo(sum, load)
    return sum
  }

  #fold(): void {
    for (const load of this.#ending) {
      if (load.outstanding > 0) continue
      addTo(this.#over, load)
      this.#ending.delete(load)
    }
  }
}

function addTo(sum: Sum, load: InstanceLoad): void {
  sum.outstanding += load.outstanding
  sum.failures += load.failures
  sum.answered += load.answered
  sum.unanswered += load.unanswered
  sum.tookMs += load.tookMs
}
