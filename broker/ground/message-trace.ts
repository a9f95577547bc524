// The way of one traced message, for whoever makes spans of it. Interface only: OpenTelemetry is telemetry's.
//
// A message is traced when its header `traceparent` says that it is sampled. All others never meet this file.

import type { FateWatch } from './fate.ts'

/** A message that was accepted, and what is known of it then. Times in µs since the epoch. */
export interface TracedMessage {
  /** W3C trace context as the sender put it into the headers. */
  readonly traceparent: string
  readonly tracestate: string | undefined
  /** Kind of the frame. */
  readonly kind: number
  readonly subject: string
  /** Text form, `broker.incarnation.origin.id`. */
  readonly id: string
  readonly client: string
  readonly payloadBytes: number
  readonly receivedMicros: number
}

export interface MessageTrace extends FateWatch {
  /** Receivers are known; their fates follow, one `settled` each. */
  routed(receivers: number): void
  /** It was refused instead. */
  refused(code: string): void
}

export interface MessageTracer {
  accepted(message: TracedMessage): MessageTrace
}
