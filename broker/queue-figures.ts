// What the queues count, looked at once a second: for metrics and rates, which cannot wait for a store.

import type { QueueRates } from './ground/queue-api.ts'
import type { QueueCounts, StoredQueue } from './ground/store.ts'

/** A queue as far as figures go. */
export interface CountedQueue {
  readonly name: string
  readonly stored: Pick<StoredQueue, 'counts'> | undefined
}

interface Look {
  readonly atMs: number
  readonly counts: QueueCounts
}

/** Looks over which rates are counted. */
const LOOKS = 11

export class QueueFigures {
  readonly #looks = new Map<string, Look[]>()
  #isLooking = false

  /** Asks every queue, unless the last time is not over yet: a slow store is not asked twice. A queue that cannot tell keeps its last figures. */
  async look(queues: Iterable<CountedQueue>, nowMs: number): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const names = new Set<string>()
      const asked: Promise<void>[] = []
      for (const queue of queues) {
        names.add(queue.name)
        if (queue.stored !== undefined) asked.push(this.#ask(queue.name, queue.stored, nowMs))
      }
      for (const name of this.#looks.keys()) if (!names.has(name)) this.#looks.delete(name)
      await Promise.all(asked)
    } finally {
      this.#isLooking = false
    }
  }

  /** As of the last look; undefined: nobody looked yet. */
  counts(name: string): QueueCounts | undefined {
    return this.#looks.get(name)?.at(-1)?.counts
  }

  /** Over the last ten seconds. */
  rates(name: string): QueueRates {
    const looks = this.#looks.get(name)
    const [first, last] = [looks?.[0], looks?.at(-1)]
    const coversMs = first === undefined ? 0 : last!.atMs - first.atMs
    if (coversMs === 0) return { stored: 0, acked: 0, coversMs: 0 }
    const perSecond = (key: 'stored' | 'acked'): number => Math.max(0, (last!.counts[key] - first!.counts[key]) / (coversMs / 1000))
    return { stored: perSecond('stored'), acked: perSecond('acked'), coversMs: Math.round(coversMs) }
  }

  /** Every queue that was looked at, by name. */
  *all(): Iterable<readonly [name: string, counts: QueueCounts]> {
    for (const [name, looks] of this.#looks) yield [name, looks.at(-1)!.counts]
  }

  async #ask(name: string, stored: Pick<StoredQueue, 'counts'>, nowMs: number): Promise<void> {
    try {
      const counts = await stored.counts()
      const looks = this.#looks.get(name) ?? []
      looks.push({ atMs: nowMs, counts })
      if (looks.length > LOOKS) looks.shift()
      this.#looks.set(name, looks)
    } catch {
      // Its state says what is wrong.
    }
  }
}
