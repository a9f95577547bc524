// A producer and a consumer at one queue while something happens to its store; remembers what each was told, and compares at the end.

import { setTimeout as delay } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import type { QueueRig } from './queue-rig.ts'
import { until } from './until.ts'

const BATCH = 10
/** Between two batches. ms */
const PACE_MS = 2

export class StoreStorm {
  readonly #rig: QueueRig
  readonly accepted = new Set<string>()
  /** Refused, or nobody knew. */
  readonly refused = new Map<string, string>()
  readonly seen = new Map<string, number>()
  /** Their acknowledgement was confirmed. */
  readonly acked = new Set<string>()
  /** Leased again after that. */
  readonly back: string[] = []
  readonly #published = new AbortController()
  readonly #consumed = new AbortController()
  readonly #producing: Promise<void>
  readonly #consuming: Promise<void>

  constructor(rig: QueueRig) {
    this.#rig = rig
    this.#producing = this.#produce()
    this.#consuming = this.#consume()
  }

  /** Resolves when so many more were acknowledged. */
  async acknowledges(more: number): Promise<void> {
    const wanted = this.acked.size + more
    await until(() => this.acked.size >= wanted)
  }

  /** Nothing more is published; resolves when the queue is empty, everything having been consumed. */
  async ends(): Promise<void> {
    this.#published.abort()
    await this.#producing
    await until(async () => {
      const counts = await this.#rig.counts().catch(() => undefined)
      return counts !== undefined && counts.ready + counts.delayed + counts.inFlight === 0
    })
    this.#consumed.abort()
    this.#rig.happened([])
    await this.#consuming
  }

  /** Everything that was accepted was consumed. */
  complete(t: ExecutionContext): void {
    const missing = [...this.accepted].filter(text => !this.seen.has(text))
    t.deepEqual(missing, [], `${missing.length} of ${this.accepted.size} accepted messages never came`)
  }

  async #produce(): Promise<void> {
    for (let made = 0; !this.#published.signal.aborted; made += BATCH) {
      const texts = Array.from({ length: BATCH }, (_, i) => `s${made + i}`)
      const fates = await this.#rig.append(texts)
      for (const [i, fate] of fates.entries()) {
        if ('position' in fate) this.accepted.add(texts[i]!)
        else this.refused.set(texts[i]!, 'refused' in fate ? fate.refused : 'dropped')
      }
      await delay(PACE_MS)
    }
  }

  async #consume(): Promise<void> {
    this.#rig.queue.demand(100)
    for (;;) {
      await this.#rig.when(() => this.#rig.unexpected > 0 || this.#consumed.signal.aborted)
      const messages = await this.#rig.next(this.#rig.unexpected)
      if (messages.length === 0) return
      this.#rig.queue.demand(messages.length)
      for (const { text } of messages) {
        this.seen.set(text, (this.seen.get(text) ?? 0) + 1)
        if (this.acked.has(text)) this.back.push(text)
      }
      // Not waited for: what is not confirmed comes again.
      void this.#rig.settle(...messages.map(({ position, attempt }) => ({ position, attempt, verdict: 'ack' as const }))).then(({ error, lost }) => {
        if (error === undefined) for (const { position, text } of messages) if (!lost.includes(position)) this.acked.add(text)
      })
    }
  }
}
