// A clock that stands still until a test moves it. Knows no test framework.

import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../broker/ground/clock.ts'

interface Timer {
  readonly dueMs: number
  readonly callback: () => void
}

export class FakeClock implements Clock {
  #nowMs = 0
  // In order of due time; of equal ones the elder is first.
  readonly #timers: Timer[] = []

  wallMicros(): number {
    return 1_000_000_000_000_000 + Math.floor(this.#nowMs * 1000)
  }

  wallMs(): number {
    return Math.floor(this.wallMicros() / 1000)
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), callback }
    const at = this.#timers.findIndex(other => other.dueMs > timer.dueMs)
    this.#timers.splice(at < 0 ? this.#timers.length : at, 0, timer)
    return () => {
      const index = this.#timers.indexOf(timer)
      if (index >= 0) this.#timers.splice(index, 1)
    }
  }

  /** Timers that are set. */
  get pendingTimers(): number {
    return this.#timers.length
  }

  /** Moves on by `ms`, each timer at its own time, and lets what a timer set off settle before the next. */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#nowMs + ms
    await settle()
    for (let timer = this.#timers[0]; timer !== undefined && timer.dueMs <= targetMs; timer = this.#timers[0]) {
      this.#timers.shift()
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      timer.callback()
      await settle()
    }
    this.#nowMs = targetMs
  }

  /** Moves on by `ms` while no timer gets a turn, as when the process was suspended; those due run in the next `advance()`. */
  oversleep(ms: number): void {
    this.#nowMs += ms
  }
}

/** Resolves when every promise that can settle without time or input has done so: a turn of the event loop begins when all microtasks ran. */
export async function settle(): Promise<void> {
  await setImmediate()
}
