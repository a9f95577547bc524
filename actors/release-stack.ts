// Releases what an actor owns, the last acquired first. Knows neither the actor nor why it ends.

import type { Log } from '../broker/ground/types.ts'

/** Gives one thing back. May be called long after it was deferred, and is called once. */
export type Release = () => void | Promise<void>

export class ReleaseStack {
  readonly #log: Log
  readonly #releases: Release[] = []
  #outcome: Promise<void> | undefined
  #isEmptied = false

  constructor(log: Log) {
    this.#log = log
  }

  /** Adds a release. What is acquired too late, because everything was released meanwhile, is given back at once. */
  defer(release: Release): void {
    if (this.#isEmptied) void this.#call(release)
    else this.#releases.push(release)
  }

  /**
   * Calls every release, the next when the one before has settled; one that fails is logged and stops nobody.
   * From `cut` on nothing is waited for: what hangs is left behind, the others are still called.
   * Later calls get the outcome of the first. Never rejects.
   */
  release(cut: Promise<void>): Promise<void> {
    this.#outcome ??= this.#releaseAll(cut)
    return this.#outcome
  }

  async #releaseAll(cut: Promise<void>): Promise<void> {
    for (let release = this.#releases.pop(); release !== undefined; release = this.#releases.pop()) await Promise.race([this.#call(release), cut])
    this.#isEmptied = true
  }

  async #call(release: Release): Promise<void> {
    try {
      await release()
    } catch (error) {
      this.#log.error({ error }, 'a release failed')
    }
  }
}
