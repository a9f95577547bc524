// Tells those who wait for a phase of one actor. Knows no chart.

import type { Phase } from '../broker/ground/types.ts'

interface Waiter {
  readonly phase: Phase
  readonly resolve: (isReached: boolean) => void
}

export class PhaseWatch {
  #phase: Phase = 'create'
  #waiters: Waiter[] = []

  /** Resolves to true when the actor is in `phase`, at once if it is; to false when it ended without. */
  reaches(phase: Phase): Promise<boolean> {
    if (this.#phase === phase || this.#phase === 'exited') return Promise.resolve(this.#phase === phase)
    return new Promise(resolve => void this.#waiters.push({ phase, resolve }))
  }

  entered(phase: Phase): void {
    this.#phase = phase
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      if (waiter.phase === phase || phase === 'exited') waiter.resolve(waiter.phase === phase)
      else this.#waiters.push(waiter)
    }
  }
}
