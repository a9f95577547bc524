// What the broker and its telemetry ask of each other. Interface only: OpenTelemetry is telemetry's.

import type { MessageTracer } from './message-trace.ts'
import type { Account } from './slice.ts'
import type { QueueCounts } from './store.ts'

/** Counts of one channel, as its account has them. */
export type ChannelAccount = Pick<Account, 'accepted' | 'deliveries' | 'written' | 'forwarded' | 'stored' | 'pending' | 'rejected' | 'dropped'>

/** A distribution of durations. */
export interface DurationSource {
  readonly count: number
  readonly sumMicros: number
  readonly maxMicros: number
  /** How many were at most as long as each of `boundsMicros` and longer than the bound before; the last number is of those beyond all. */
  countsWithin(boundsMicros: readonly number[]): number[]
}

/** One queue as of the last look at it, a second ago at most. */
export interface QueueFigure {
  readonly name: string
  readonly counts: QueueCounts
  readonly consumers: number
  readonly oldestAgeMs: number
}

/** Where metrics are read from when they are due: nothing is counted for them. */
export interface MetricsSource {
  /** What the method `metrics` answers: names in snake case that end in their unit, or in `_total` for counters that only grow. */
  numbers(): Readonly<Record<string, number>>
  /** undefined as name: what is published outside channels. */
  channels(): Iterable<readonly [name: string | undefined, account: ChannelAccount]>
  queues(): Iterable<QueueFigure>
  /** How many connections speak each dialect. */
  dialects(): ReadonlyMap<string, number>
  /** What waits for connections, and what went through them since the start. */
  traffic(): { readonly pendingMessages: number; readonly pendingBytes: number; readonly receivedBytes: number; readonly writtenBytes: number }
  /** How often each agent was started anew. */
  restarts(): Iterable<readonly [agent: string, restarts: number]>
  /** From received to taken by the receiver's kernel. */
  readonly deliveryLatency: DurationSource
  /** The name of a connection's client. */
  clientOf(connection: number): string
}

/** The telemetry of one broker. */
export interface BrokerTelemetry {
  /** undefined: traces are not sent anywhere. */
  readonly tracer: MessageTracer | undefined
  /** What agents find in their environment. No secrets. */
  readonly agentEnvironment: Readonly<Record<string, string>>
  /** Metrics as Prometheus reads them; undefined: not configured. */
  readonly scrape: (() => Promise<string>) | undefined
  /** Called once, before messages flow. */
  observe(source: MetricsSource): void
}
