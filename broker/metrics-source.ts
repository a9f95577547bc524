// Where telemetry reads what the broker counts anyway. Reads the parts; keeps only what connections that left had moved.

import type { Connection } from './connection.ts'
import type { MetricsSource } from './ground/telemetry.ts'
import type { BrokerHost } from './host.ts'
import { metricsOf } from './metrics.ts'
import type { Pipeline } from './pipeline.ts'

export class BrokerMetrics implements MetricsSource {
  readonly #pipeline: Pipeline
  readonly #host: BrokerHost
  #departedReceivedBytes = 0
  #departedWrittenBytes = 0

  constructor(pipeline: Pipeline, host: BrokerHost) {
    this.#pipeline = pipeline
    this.#host = host
  }

  /** A connection is gone: what went through it stays counted. */
  departed(connection: Connection): void {
    this.#departedReceivedBytes += connection.receivedBytes
    this.#departedWrittenBytes += connection.outbound.writtenBytes
  }

  get deliveryLatency(): MetricsSource['deliveryLatency'] {
    return this.#pipeline.core.deliveryLatency
  }

  numbers(): Record<string, number> {
    return metricsOf(this.#pipeline, this.#host.bus)
  }

  *channels(): ReturnType<MetricsSource['channels']> {
    const { accounts, channels } = this.#pipeline.core
    yield [undefined, accounts.outside]
    for (const { name } of channels.list()) {
      const account = accounts.channel(name)
      if (account !== undefined) yield [name, account]
    }
  }

  *queues(): ReturnType<MetricsSource['queues']> {
    const { queueFigures, queues, clock } = this.#pipeline.core
    const nowMs = clock.wallMicros() / 1000
    for (const [name, counts] of queueFigures.all()) {
      const oldestAgeMs = counts.oldestAtMs === 0 ? 0 : Math.max(0, nowMs - counts.oldestAtMs)
      yield { name, counts, consumers: queues.find(name)?.consumers.count ?? 0, oldestAgeMs }
    }
  }

  dialects(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { dialect } of this.#pipeline.core.directory.all()) {
      const name = dialect?.name ?? 'none'
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    return counts
  }

  traffic(): ReturnType<MetricsSource['traffic']> {
    const traffic = { pendingMessages: 0, pendingBytes: 0, receivedBytes: this.#departedReceivedBytes, writtenBytes: this.#departedWrittenBytes }
    for (const { outbound, receivedBytes } of this.#pipeline.core.directory.all()) {
      traffic.pendingMessages += outbound.pendingMessages
      traffic.pendingBytes += outbound.pendingBytes
      traffic.receivedBytes += receivedBytes
      traffic.writtenBytes += outbound.writtenBytes
    }
    return traffic
  }

  *restarts(): ReturnType<MetricsSource['restarts']> {
    // Starts by a schedule are none, and one that waits for its first has not started at all.
    for (const { name, incarnation, restarts, schedule } of this.#host.agents()) yield [name, schedule === undefined ? Math.max(0, incarnation - 1) : restarts]
  }

  clientOf(connection: number): string {
    return this.#pipeline.core.directory.nameOf(connection)
  }
}
