// Looks at the broker once a second: what the history keeps, how busy the event loop is, and what was lost meanwhile.

import { performance } from 'node:perf_hooks'
import type { HistoryAnswer } from './ground/api.ts'
import { Deadline } from './ground/deadlines.ts'
import type { BrokerHost } from './host.ts'
import { metricsOf } from './metrics.ts'
import { History } from './observe/history.ts'
import type { Pipeline } from './pipeline.ts'

const EVERY_MS = 1000
/** How late the deadline wheel may be by itself: a tick, and the timer's own grain. ms */
const WHEEL_GRAIN_MS = 12

export class Sampler {
  readonly #pipeline: Pipeline
  readonly #host: Pick<BrokerHost, 'bus'>
  readonly #deadline = new Deadline(() => this.#sample())
  #dueMs = 0
  #lagMs = 0
  #history: History | undefined

  constructor(pipeline: Pipeline, host: Pick<BrokerHost, 'bus'>) {
    this.#pipeline = pipeline
    this.#host = host
  }

  /** Samples in the next turn, when all parts of the broker are there, and every second until the deadlines are closed. */
  start(): void {
    this.#setDue(0)
  }

  /** Made with the first look, of the metrics that there are then. */
  get history(): History {
    return (this.#history ??= new History(Object.keys(this.values())))
  }

  /** What the history says of the last `periodMs`, up to now. */
  read(periodMs: number, parts: number, isWanted: (name: string) => boolean): HistoryAnswer {
    return this.history.read(this.#pipeline.core.clock.monotonicMs(), this.#row(), periodMs, parts, isWanted)
  }

  /** Every metric as it is now, by name. */
  values(): Record<string, number> {
    return { ...metricsOf(this.#pipeline, this.#host.bus), event_loop_busy_seconds_total: performance.eventLoopUtilization().active / 1000, event_loop_lag_ms: this.#lagMs }
  }

  #row(): number[] {
    const values = this.values()
    return this.history.names.map((name) => values[name] ?? 0)
  }

  #sample(): void {
    const { clock, directory, lossLog, queues, queueFigures } = this.#pipeline.core
    const nowMs = clock.monotonicMs()
    // A look that comes late was held up by whatever ran: a lag that costs no timer of its own.
    this.#lagMs = Math.max(0, nowMs - this.#dueMs - WHEEL_GRAIN_MS)
    // First of all: whatever fails below is told, and the next look is another try.
    this.#setDue(EVERY_MS)
    this.history.sample(nowMs, this.#row())
    for (const connection of directory.all()) {
      lossLog.look(nowMs, connection)
      connection.look(nowMs)
    }
    void queueFigures.look(queues.list(), nowMs)
  }

  #setDue(delayMs: number): void {
    const { clock, deadlines } = this.#pipeline.core
    this.#dueMs = clock.monotonicMs() + delayMs
    deadlines.set(this.#deadline, delayMs)
  }
}
