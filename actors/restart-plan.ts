// Which children are down until their restart is due, and when that is. Starts and stops nothing.

import { backoffMs } from './backoff.ts'
import type { Environment } from './behaviour.ts'
import type { Child } from './child.ts'
import type { Strategy } from './strategy.ts'
import { Deadline } from '../broker/ground/deadlines.ts'

export class RestartPlan {
  /** Siblings restart together, so all that wait wait for the same. */
  readonly #isShared: boolean
  readonly #environment: Environment
  readonly #random: () => number
  readonly #onDue: (failed: Child) => void
  readonly #waiting = new Set<Child>()
  /** By child, or by this plan the one that all share. */
  readonly #deadlines = new WeakMap<Child | RestartPlan, Deadline>()
  #sharedDueMs = 0

  /** `onDue` is told, when a delay is over, a child whose failure it was for. */
  constructor(strategy: Strategy, environment: Environment, random: () => number, onDue: (failed: Child) => void) {
    this.#isShared = strategy !== 'oneForOne'
    this.#environment = environment
    this.#random = random
    this.#onDue = onDue
  }

  /** How many children wait. */
  get size(): number {
    return this.#waiting.size
  }

  /**
   * Makes `children` wait for their restart after `failed` failed `failed.failures` times in a row; returns the delay, ms.
   * At 0 the caller begins at once. Where siblings restart together those that wait already join them: the later of
   * both times holds, or a child would start before one that it depends on.
   */
  schedule(failed: Child, children: readonly Child[]): number {
    const { clock, deadlines } = this.#environment
    const nowMs = clock.monotonicMs()
    const { backoff } = failed.spec
    let delayMs = backoff === undefined ? 0 : backoffMs(backoff, failed.failures, this.#random())
    if (this.#isShared && this.#waiting.size > 0) delayMs = Math.max(delayMs, this.#sharedDueMs - nowMs)
    this.#sharedDueMs = nowMs + delayMs
    for (const child of children) this.#waiting.add(child)
    if (delayMs > 0) deadlines.set(this.#deadlineOf(failed), delayMs)
    return delayMs
  }

  /** True when `child`, or what shares its time, may be started: its delay is over, and no other was set since. */
  isDue(child: Child): boolean {
    return !this.#deadlineOf(child).isSet
  }

  /** Takes `child` out, because it starts or shall stay down; false when it did not wait. */
  remove(child: Child): boolean {
    if (!this.#waiting.delete(child)) return false
    if (!this.#isShared || this.#waiting.size === 0) this.#environment.deadlines.cancel(this.#deadlineOf(child))
    return true
  }

  clear(): void {
    for (const child of this.#waiting) this.#environment.deadlines.cancel(this.#deadlineOf(child))
    this.#waiting.clear()
  }

  #deadlineOf(child: Child): Deadline {
    const key = this.#isShared ? this : child
    let deadline = this.#deadlines.get(key)
    if (deadline === undefined) {
      deadline = new Deadline(() => this.#onDue(child))
      this.#deadlines.set(key, deadline)
    }
    return deadline
  }
}
