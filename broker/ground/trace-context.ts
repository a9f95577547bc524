// W3C trace context as it stands in headers: read and written. Knows no spans. (W3C Trace Context, section 3.2)
//
//   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//   version  trace id                     span id     flags

/** Names of the headers; the broker passes them on as they are. */
export const TRACEPARENT = 'traceparent'
export const TRACESTATE = 'tracestate'

/** What a `traceparent` says. */
export interface TraceContext {
  /** 32 hex digits, not all zero. */
  readonly traceId: string
  /** 16 hex digits, not all zero: the sender's span. */
  readonly spanId: string
  /** 0..255 */
  readonly flags: number
}

const SAMPLED = 1
// A later version may have more fields behind these, and is read as version 0.
const SHAPE = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/

/** undefined for what is no valid `traceparent`: such a message is passed on and not traced. */
export function readTraceparent(value: unknown): TraceContext | undefined {
  const match = typeof value === 'string' ? SHAPE.exec(value) : null
  if (match === null) return undefined
  const [, version, traceId, spanId, flags, more] = match
  if (version === '00' && more !== undefined) return undefined
  return { traceId: traceId!, spanId: spanId!, flags: Number.parseInt(flags!, 16) }
}

export function writeTraceparent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${(flags & 0xff).toString(16).padStart(2, '0')}`
}

/** True when the sender records the trace, and so the broker too. */
export function isSampled(context: TraceContext | undefined): context is TraceContext {
  return context !== undefined && (context.flags & SAMPLED) !== 0
}

/** Fields that join a line of the log with the trace of a message; none where it has no valid context. */
export function traceFields(headers: Readonly<Record<string, unknown>> | undefined): { readonly trace_id?: string; readonly span_id?: string } {
  const context = readTraceparent(headers?.[TRACEPARENT])
  return context === undefined ? {} : { trace_id: context.traceId, span_id: context.spanId }
}
