// What is usual for an agent, over all its instances and their incarnations: a new one is measured by those before it. Pure.

import { Baseline } from './baseline.ts'

export class Usual {
  /** Share of requests that fail, 0..1. */
  readonly errors = new Baseline()
  /** Time that a request takes. ms */
  readonly latencyMs = new Baseline()
  /** When an answer of each instance was seen last, by id. */
  readonly #answeredMs = new Map<string, number>()

  answered(instance: string, nowMs: number): void {
    this.#answeredMs.set(instance, nowMs)
  }

  /** It is looked at no more. */
  leave(instance: string): void {
    this.#answeredMs.delete(instance)
  }

  /** Whether others have answered since; undefined: there are no others. */
  othersAnsweredSince(instance: string, sinceMs: number): boolean | undefined {
    let others: boolean | undefined
    for (const [other, atMs] of this.#answeredMs) if (other !== instance) others = others === true || atMs > sinceMs
    return others
  }
}
