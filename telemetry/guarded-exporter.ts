// Keeps a failing receiver of telemetry away from everybody else: its failures are counted, said once, and end here.

import type { Log } from '../broker/ground/types.ts'

/** What an export ends with; `code` 0 is success. */
interface ExportResult {
  readonly code: number
  readonly error?: Error
}

/** What all exporters of OpenTelemetry have in common, whatever they export. */
export interface Exporter<T> {
  export(items: T, done: (result: ExportResult) => void): void
  shutdown(): Promise<void>
  forceFlush?(): Promise<void>
}

/** `traces`, `metrics` or `logs`. */
export type SignalName = 'traces' | 'metrics' | 'logs'

export class ExportHealth {
  readonly signal: SignalName
  readonly #log: Log
  readonly #endpoint: string
  /** Exports that failed for good, after the exporter's own retries. */
  failures = 0
  #isFailing = false

  constructor(signal: SignalName, endpoint: string, log: Log) {
    this.signal = signal
    this.#endpoint = endpoint
    this.#log = log
  }

  /** Said when it begins and when it ends; what lies between is counted. */
  note(error: Error | undefined): void {
    if (error !== undefined) this.failures++
    if (error !== undefined && !this.#isFailing) this.#log.warn({ signal: this.signal, endpoint: this.#endpoint, problem: error.message }, 'telemetry cannot be sent; what is not sent is lost, and counted')
    else if (error === undefined && this.#isFailing) this.#log.info({ signal: this.signal, endpoint: this.#endpoint, failures: this.failures }, 'telemetry is sent again')
    this.#isFailing = error !== undefined
  }
}

/** The same exporter, which never fails towards the SDK: that would print every failure. */
export function guarded<T, E extends Exporter<T>>(exporter: E, health: ExportHealth): E {
  const send = exporter.export.bind(exporter)
  exporter.export = (items, done) => {
    const settled = (error: Error | undefined): void => {
      health.note(error)
      done({ code: 0 })
    }
    try {
      send(items, ({ code, error }) => settled(code === 0 ? undefined : (error ?? new Error('the export failed'))))
    } catch (error) {
      settled(error instanceof Error ? error : new Error(String(error)))
    }
  }
  return exporter
}
