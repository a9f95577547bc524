// Spans of the broker's own work on traced messages.
//
//   sender's span ─┬─ publish ─┬─ route      received to routed
//                  │           ├─ deliver    routed to written or dropped, one per receiver
//                  │           └─ deliver
//                  └─ process (the receiver's own: it got the sender's context)

import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, createTraceState, trace, type Attributes, type Context, type HrTime, type Span, type Tracer } from '@opentelemetry/api'
import type { Clock } from '../broker/ground/clock.ts'
import type { FateWatch } from '../broker/ground/fate.ts'
import { kindName } from '../broker/ground/kind.ts'
import type { MessageTrace, MessageTracer, TracedMessage } from '../broker/ground/message-trace.ts'
import { Attribute, subjectInName, SYSTEM } from '../broker/ground/span-attributes.ts'
import { readTraceparent, type TraceContext } from '../broker/ground/trace-context.ts'
import type { Log } from '../broker/ground/types.ts'
import { PerSecond } from './per-second.ts'

type SettledFate = Parameters<FateWatch['settled']>[1]

/** Receivers of one message that get a span of their own; of more, the numbers stand in the message's span. */
const MAX_DELIVER_SPANS = 64
/** Traces whose fates are not all known; above it messages are passed on without spans. */
const MAX_OPEN = 10_000
/** A trace is sent with what is known after this time: a receiver may not read for hours. ms */
const LONGEST_MS = 30_000
const LOOK_MS = 5000
/** Every client may ask for spans, and one costs about 10 µs: so many messages a second get them, and so many deliveries. */
const MAX_MESSAGES_PER_SECOND = 1000
const MAX_DELIVERIES_PER_SECOND = 4000

export interface MessageSpansOptions {
  readonly tracer: Tracer
  readonly clock: Clock
  readonly log: Log
  /** The name of a connection's client. */
  readonly clientOf: (connection: number) => string
}

export class MessageSpans implements MessageTracer {
  readonly #options: MessageSpansOptions
  readonly #open = new Set<OpenTrace>()
  /** Traced messages that got no spans, because too many came or were open. */
  skipped = 0
  readonly #messages: PerSecond
  readonly #deliveries: PerSecond
  #cancelLook: (() => void) | undefined

  constructor(options: MessageSpansOptions) {
    this.#options = options
    this.#messages = new PerSecond(options.clock, MAX_MESSAGES_PER_SECOND)
    this.#deliveries = new PerSecond(options.clock, MAX_DELIVERIES_PER_SECOND)
  }

  accepted(message: TracedMessage): MessageTrace {
    const parent = readTraceparent(message.traceparent)
    if (parent === undefined || this.#open.size >= MAX_OPEN || !this.#messages.take()) {
      this.skipped++
      return UNTRACED
    }
    const opened = new OpenTrace(message, parent, this.#options, this.#deliveries, () => this.#open.delete(opened))
    this.#open.add(opened)
    this.#cancelLook ??= this.#options.clock.after(LOOK_MS, () => this.#look())
    return opened
  }

  /** Ends what is open, with what is known. */
  close(): void {
    this.#cancelLook?.()
    for (const opened of this.#open) opened.end()
  }

  // The set is in the order of their beginnings.
  #look(): void {
    const { clock } = this.#options
    const limitMs = clock.monotonicMs() - LONGEST_MS
    for (const opened of this.#open) {
      if (opened.beganMs > limitMs) break
      opened.end()
    }
    this.#cancelLook = this.#open.size === 0 ? undefined : clock.after(LOOK_MS, () => this.#look())
  }
}

const UNTRACED: MessageTrace = { routed() {}, refused() {}, settled() {} }

class OpenTrace implements MessageTrace {
  readonly beganMs: number
  readonly #beganMicros: number
  readonly #message: TracedMessage
  readonly #options: MessageSpansOptions
  readonly #deliveries: PerSecond
  readonly #onEnd: () => void
  readonly #span: Span
  readonly #context: Context
  readonly #fates = new Map<SettledFate, number>()
  #routedAt: HrTime | undefined
  #expected = 0
  #settled = 0
  #isOver = false

  constructor(message: TracedMessage, parent: TraceContext, options: MessageSpansOptions, deliveries: PerSecond, onEnd: () => void) {
    this.beganMs = options.clock.monotonicMs()
    this.#beganMicros = Math.max(message.receivedMicros, options.clock.wallMicros())
    this.#message = message
    this.#options = options
    this.#deliveries = deliveries
    this.#onEnd = onEnd
    const kind = kindName(message.kind)
    this.#span = options.tracer.startSpan(
      nameOf(kind, message),
      { kind: SpanKind.INTERNAL, startTime: timeOf(message.receivedMicros), attributes: { ...common(message), [Attribute.operation]: kind, [Attribute.bodyBytes]: message.payloadBytes } },
      remote(parent, message.tracestate),
    )
    this.#context = trace.setSpan(ROOT_CONTEXT, this.#span)
  }

  routed(receivers: number): void {
    this.#routedAt = this.#now()
    this.#expected = receivers
    this.#child('route', timeOf(this.#message.receivedMicros), { [Attribute.receivers]: receivers }).end(this.#routedAt)
    if (receivers === 0) this.#lost('dropped(no-interest)')
    if (this.#settled >= receivers) this.end()
  }

  refused(code: string): void {
    if (this.#isOver) return
    this.#fail(this.#span, code)
    this.#options.log.info({ ...this.#joined(), code }, 'a traced message was refused')
    this.end()
  }

  settled(receiver: number, fate: SettledFate): void {
    if (this.#isOver) return
    const now = this.#now()
    this.#settled++
    this.#fates.set(fate, (this.#fates.get(fate) ?? 0) + 1)
    if (this.#settled <= MAX_DELIVER_SPANS && this.#deliveries.take()) {
      const span = this.#child('deliver', this.#routedAt ?? now, {
        [Attribute.connection]: receiver === 0 ? 'broker' : `conn-${receiver}`,
        [Attribute.receiver]: receiver === 0 ? 'broker' : this.#options.clientOf(receiver),
        [Attribute.fate]: fate,
      })
      if (isLoss(fate)) this.#fail(span, fate)
      span.end(now)
    }
    if (isLoss(fate)) this.#lost(fate, receiver)
    // What is delivered within the routing is settled before the number of receivers is known.
    if (this.#routedAt !== undefined && this.#settled >= this.#expected) this.end()
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const [fate, count] of this.#fates) this.#span.setAttribute(`${Attribute.fate}.${fate}`, count)
    if (this.#routedAt !== undefined) this.#span.setAttribute(Attribute.receivers, this.#expected)
    const waiting = this.#expected - this.#settled
    if (waiting > 0) this.#span.setAttribute(`${Attribute.fate}.pending`, waiting)
    this.#span.end(this.#now())
    this.#onEnd()
  }

  #lost(fate: SettledFate, receiver?: number): void {
    if (receiver === undefined) this.#fates.set(fate, 1)
    this.#fail(this.#span, fate)
    // Many receivers may lose one message: beyond those with spans of their own the numbers say it.
    if (this.#settled > MAX_DELIVER_SPANS) return
    this.#options.log.info({ ...this.#joined(), fate, ...(receiver === undefined ? {} : { connection: `conn-${receiver}`, receiver: this.#options.clientOf(receiver) }) }, 'a traced message was not delivered')
  }

  #fail(span: Span, errorType: string): void {
    span.setAttribute(Attribute.errorType, errorType)
    span.setStatus({ code: SpanStatusCode.ERROR, message: errorType })
  }

  #child(step: 'route' | 'deliver', startTime: HrTime, attributes: Attributes): Span {
    const { message, tracer } = { message: this.#message, tracer: this.#options.tracer }
    return tracer.startSpan(nameOf(step, message), { kind: SpanKind.INTERNAL, startTime, attributes: { ...common(message), [Attribute.operation]: step, ...attributes } }, this.#context)
  }

  /** What joins a line of the log with the trace. */
  #joined(): object {
    const { traceId, spanId } = this.#span.spanContext()
    const { id, subject, client } = this.#message
    return { message: id, subject, client, trace_id: traceId, span_id: spanId }
  }

  // Carried on by the clock that never steps back: no step of a trace ends before it began.
  #now(): HrTime {
    return timeOf(this.#beganMicros + Math.floor((this.#options.clock.monotonicMs() - this.beganMs) * 1000))
  }
}

// An answer need not repeat the subject.
function nameOf(step: string, { subject }: TracedMessage): string {
  return subject === '' ? step : `${step} ${subjectInName(subject)}`
}

function common({ subject, id, client }: TracedMessage): Attributes {
  return { [Attribute.system]: SYSTEM, [Attribute.destination]: subject, [Attribute.messageId]: id, [Attribute.clientId]: client }
}

function remote({ traceId, spanId }: TraceContext, tracestate: string | undefined): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true, ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }) })
}

function timeOf(micros: number): HrTime {
  const seconds = Math.floor(micros / 1e6)
  return [seconds, (micros - seconds * 1e6) * 1000]
}

function isLoss(fate: SettledFate): boolean {
  return fate !== 'written' && fate !== 'forwarded' && fate !== 'stored'
}
