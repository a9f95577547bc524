// The steps of a run against one lane: how messages are published, taken, and timed. Knows no server.

import { setTimeout as sleep } from 'node:timers/promises'
import { Latencies } from '../measure/latencies.ts'
import { OUTSTANDING, type Step, type StepOutcome } from './job.ts'
import type { Lane } from './lane.ts'
import { makePayload, type Ledger } from './payload.ts'
import { Stopwatch } from './stopwatch.ts'

/** Without progress for so long a step has failed: the server, or its client, has stalled. ms */
const STALL_MS = 30_000
const PACE_EVERY_MS = 1

/** @throws Error when the server refuses something or nothing moves any more */
export function runStep(step: Step, lane: Lane, ledger: Ledger, pid: number): Promise<StepOutcome> {
  return new Run(step, lane, ledger, pid).outcome()
}

class Run {
  readonly #step: Step
  readonly #lane: Lane
  readonly #ledger: Ledger
  readonly #watch: Stopwatch
  readonly #acked = new Latencies()
  readonly #delivered = new Latencies()
  #published = 0
  #confirmed = 0
  #taken = 0
  #moved = 0
  #wake: () => void = () => {}
  #failure: Error | undefined

  constructor(step: Step, lane: Lane, ledger: Ledger, pid: number) {
    this.#step = step
    this.#lane = lane
    this.#ledger = ledger
    this.#watch = new Stopwatch(pid)
    if (step.warm === 0) this.#watch.start()
  }

  async outcome(): Promise<StepOutcome> {
    const { kind, messages, warm } = this.#step
    const guard = setInterval(() => this.#look(), STALL_MS)
    try {
      const consuming = kind === 'publish' ? undefined : await this.#lane.consume(payload => this.#take(payload), error => this.#fail(error))
      if (kind === 'paced') await this.#pace(this.#step.perSecond)
      else if (kind !== 'consume') this.#publishMore()
      await this.#until(() => (kind === 'consume' || this.#confirmed >= messages) && (kind === 'publish' || this.#taken >= messages))
      await consuming?.settled()
      const used = this.#watch.stop()
      await consuming?.stop()
      return { kind, messages: Math.max(this.#taken, this.#confirmed) - warm, ...used, acked: this.#acked.summary(), delivered: this.#delivered.summary() }
    } finally {
      clearInterval(guard)
    }
  }

  // As many as may be under way: unacknowledged, and where a consumer runs untaken.
  #publishMore(): void {
    const { kind, messages } = this.#step
    const open = (): number => this.#published - (kind === 'through' ? Math.min(this.#confirmed, this.#taken) : this.#confirmed)
    while (this.#published < messages && open() < OUTSTANDING) this.#publish(performance.now())
  }

  async #pace(perSecond: number): Promise<void> {
    const beganMs = performance.now()
    while (this.#published < this.#step.messages && this.#failure === undefined) {
      const due = Math.min(this.#step.messages, Math.floor(((performance.now() - beganMs) * perSecond) / 1000))
      // Late by the timer's or the client's fault is late all the same.
      while (this.#published < due) this.#publish(beganMs + ((this.#published + 1) * 1000) / perSecond)
      await sleep(PACE_EVERY_MS)
    }
  }

  #publish(dueMs: number): void {
    const isWarm = this.#published++ < this.#step.warm
    this.#lane.publish(makePayload(this.#ledger.next(), dueMs)).then(
      () => this.#confirm(dueMs, isWarm),
      (error: unknown) => this.#fail(error),
    )
  }

  #confirm(dueMs: number, isWarm: boolean): void {
    this.#confirmed++
    if (!isWarm) this.#acked.record((performance.now() - dueMs) * 1000)
    if (this.#confirmed === this.#step.warm && this.#step.kind !== 'consume') this.#watch.start()
    if (this.#step.kind !== 'paced') this.#publishMore()
    if (this.#confirmed >= this.#step.messages) this.#wake()
  }

  #take(payload: Uint8Array): void {
    const dueMs = this.#ledger.take(payload)
    this.#taken++
    if (this.#taken === this.#step.warm && this.#step.kind === 'consume') this.#watch.start()
    if (this.#step.kind !== 'consume' && dueMs !== undefined && this.#taken > this.#step.warm) this.#delivered.record((performance.now() - dueMs) * 1000)
    if (this.#step.kind === 'through') this.#publishMore()
    if (this.#taken >= this.#step.messages) this.#wake()
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone() && this.#failure === undefined) await new Promise<void>(resolve => (this.#wake = resolve))
    if (this.#failure !== undefined) throw this.#failure
  }

  #look(): void {
    const moved = this.#confirmed + this.#taken
    if (moved === this.#moved) this.#fail(new Error(`${this.#step.kind}: nothing moved for ${STALL_MS / 1000} s at ${this.#published} published, ${this.#confirmed} acknowledged, ${this.#taken} taken of ${this.#step.messages}`))
    this.#moved = moved
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error))
    this.#wake()
  }
}
