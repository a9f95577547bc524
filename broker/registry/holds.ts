// What instances are held for by an admin, by name and id: a new registration does not shake it off. Knows no instance.

import type { Hold, InstanceHealth } from '../ground/registry.ts'

/** Only admins add to it, yet an id that a client made up may never come back to be cleared; past it the oldest goes. */
const MAX_HOLDS = 10_000

export class Holds {
  readonly #byInstance = new Map<string, Hold>()

  get(name: string, instance: string): InstanceHealth | undefined {
    return this.#byInstance.get(keyOf(name, instance))?.health
  }

  /** undefined: it is held no more. */
  set(name: string, instance: string, health: InstanceHealth | undefined): void {
    const key = keyOf(name, instance)
    this.#byInstance.delete(key)
    if (health === undefined) return
    if (this.#byInstance.size >= MAX_HOLDS) this.#byInstance.delete(this.#byInstance.keys().next().value!)
    this.#byInstance.set(key, { name, instance, health })
  }

  /** Oldest first. */
  get all(): Hold[] {
    return [...this.#byInstance.values()]
  }
}

// Neither has a space.
const keyOf = (name: string, instance: string): string => `${name} ${instance}`
