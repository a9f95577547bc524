// Which children are down until their restart is due, and when that is. Starts and stops nothing.

import { backoffMs } from './backoff.ts'
import type { Environment } from './behaviour.ts'
import type { Child } from './child.ts'
import type { Strategy } from './strategy.ts'
import { Deadline } from '../broker/ground/deadlines.ts'

export class RestartPlan {
  readonly #isShared: boolean
  readonly #environment: Environment
  readonly #random: () => number
  readonly #onDue: (failed: Child) => void
  /** Each with what it waits for: a deadline of its own, or the one that all share. */
  readonly #waiting = new Map<Child, Deadline>()
  #shared: Deadline | undefined
  #sharedDueMs = 0

  /** `onDue` is told the child whose failure the delay was for, when it is over. */
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
    if (this.#shared !== undefined) deadlines.cancel(this.#shared)
    const deadline = new Deadline(() => this.#onDue(failed))
    if (this.#isShared) {
      this.#shared = deadline
      this.#sharedDueMs = nowMs + delayMs
      for (const child of this.#waiting.keys()) this.#waiting.set(child, deadline)
    }
    for (const child of children) this.#waiting.set(child, deadline)
    if (delayMs > 0) deadlines.set(deadline, delayMs)
    return delayMs
  }

  /** True when the children that wait for the same as `child` may be started. */
  isDue(child: Child): boolean {
    return this.#waiting.get(child)?.isSet === false || (this.#isShared && this.#shared?.isSet === false)
  }

  /** Takes `child` out, because it starts or shall stay down; false when it did not wait. */
  remove(child: Child): boolean {
    const deadline = this.#waiting.get(child)
    if (deadline === undefined) return false
    this.#waiting.delete(child)
    if (!this.#isShared || this.#waiting.size === 0) this.#environment.deadlines.cancel(deadline)
    return true
  }

  clear(): void {
    for (const deadline of this.#waiting.values()) this.#environment.deadlines.cancel(deadline)
    this.#waiting.clear()
  }
}
