// Spans of what a client sends and handles, made with whatever the application registered at OpenTelemetry's API.
// Loaded only when asked for.

import { context, isSpanContextValid, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, createTraceState, type Attributes, type Context, type Span, type Tracer } from '@opentelemetry/api'
import { BrokerError } from '../broker/ground/errors.ts'
import { Attribute, subjectInName, SYSTEM } from '../broker/ground/span-attributes.ts'
import { readTraceparent, TRACEPARENT, TRACESTATE, writeTraceparent } from '../broker/ground/trace-context.ts'
import type { Headers } from '../broker/wire/frame.ts'
import type { Message } from './message.ts'
import { QueuedMessage } from './queued-message.ts'
import type { ClientTracing, SendingOperation, TracedOptions } from './tracing.ts'

export class SpanTracing implements ClientTracing {
  // A proxy: whoever registers a provider later is found then.
  readonly #tracer: Tracer = trace.getTracer('callboard/client')
  readonly #clientId: string

  /** `clientId` is what spans name as the client. */
  constructor(clientId: string) {
    this.#clientId = clientId
  }

  async send<O extends TracedOptions, T>(operation: SendingOperation, subject: string, options: O, run: (options: O) => Promise<T>): Promise<T> {
    const span = this.#sending(operation, subject, options)
    try {
      return await run(this.#passOn(options, span))
    } catch (error) {
      fail(span, error)
      throw error
    } finally {
      span.end()
    }
  }

  async *iterate<O extends TracedOptions, T>(subject: string, options: O, run: (options: O) => AsyncIterableIterator<T, undefined>): AsyncIterableIterator<T, undefined> {
    const span = this.#sending('request', subject, options)
    try {
      yield* run(this.#passOn(options, span))
      return undefined
    } catch (error) {
      fail(span, error)
      throw error
    } finally {
      span.end()
    }
  }

  async process(message: Message, group: string | undefined, run: (failed: (error: unknown) => void) => Promise<void>): Promise<void> {
    // Whatever was current when this client connected has nothing to do with the message.
    const parent = contextOf(message.headers, ROOT_CONTEXT)
    // Not a trace of its own: whoever sent it did not want one.
    if (parent === undefined) return context.with(ROOT_CONTEXT, () => run(() => {}))
    const { subject, payload, textId } = message
    const attributes: Attributes = {
      ...this.#common('process', subject),
      [Attribute.operationType]: 'process',
      [Attribute.messageId]: textId,
      [Attribute.bodyBytes]: payload.length,
      [Attribute.kind]: message.kind,
      ...(group === undefined ? {} : { [Attribute.group]: group }),
      ...(message instanceof QueuedMessage ? { [Attribute.attempt]: message.attempt } : {}),
    }
    const span = this.#tracer.startSpan(`process ${subjectInName(subject)}`, { kind: SpanKind.CONSUMER, attributes }, parent)
    try {
      await context.with(trace.setSpan(parent, span), () => run(error => fail(span, error)))
    } finally {
      span.end()
    }
  }

  settle(message: Message, verdict: string): ((error: Error | undefined) => void) | undefined {
    const sender = contextOf(message.headers, ROOT_CONTEXT)
    if (sender === undefined) return undefined
    const { subject, textId } = message
    const attributes: Attributes = { ...this.#common(verdict, subject), [Attribute.operationType]: 'settle', [Attribute.messageId]: textId }
    // Within its handler it is a part of that.
    const span = this.#tracer.startSpan(`${verdict} ${subjectInName(subject)}`, { kind: SpanKind.CLIENT, attributes }, trace.getActiveSpan() === undefined ? sender : context.active())
    return error => {
      if (error !== undefined) fail(span, error)
      span.end()
    }
  }

  answer(headers: Headers | undefined): Headers | undefined {
    const span = trace.getActiveSpan()
    return span === undefined ? headers : withContext(headers === undefined ? {} : { headers }, span).headers
  }

  #sending(operation: SendingOperation, subject: string, { headers, mid }: TracedOptions): Span {
    const attributes: Attributes = { ...this.#common(operation, subject), [Attribute.operationType]: 'send', ...(mid === undefined ? {} : { 'callboard.mid': mid }) }
    // A context that the caller gave by hand is the parent.
    return this.#tracer.startSpan(`${operation} ${subjectInName(subject)}`, { kind: operation === 'publish' ? SpanKind.PRODUCER : SpanKind.CLIENT, attributes }, contextOf(headers, context.active()) ?? context.active())
  }

  // What begins here and is not recorded goes without context: it would cost the broker a look at its headers, and say nothing.
  #passOn<O extends TracedOptions>(options: O, span: Span): O {
    return span.isRecording() || trace.getActiveSpan() !== undefined ? withContext(options, span) : options
  }

  #common(operation: string, subject: string): Attributes {
    return { [Attribute.system]: SYSTEM, [Attribute.operation]: operation, [Attribute.destination]: subject, [Attribute.clientId]: this.#clientId }
  }
}

// The application's own propagators write what they know; the context itself stands there in any case, as the broker reads it.
function withContext<O extends TracedOptions>(options: O, span: Span): O {
  const spanContext = span.spanContext()
  if (!isSpanContextValid(spanContext)) return options
  const carrier: Record<string, unknown> = {}
  propagation.inject(trace.setSpan(context.active(), span), carrier)
  const { traceId, spanId, traceFlags, traceState } = spanContext
  const tracestate = traceState?.serialize()
  return {
    ...options,
    headers: { ...options.headers, ...carrier, [TRACEPARENT]: writeTraceparent({ traceId, spanId, flags: traceFlags }), ...(tracestate ? { [TRACESTATE]: tracestate } : {}) },
  }
}

/** `base` with the context in the headers of a message; undefined when there is none. */
function contextOf(headers: Headers | undefined, base: Context): Context | undefined {
  const sender = readTraceparent(headers?.[TRACEPARENT])
  if (sender === undefined) return undefined
  const { [TRACESTATE]: tracestate } = headers!
  const spanContext = { traceId: sender.traceId, spanId: sender.spanId, traceFlags: sender.flags & TraceFlags.SAMPLED, isRemote: true, ...(typeof tracestate === 'string' ? { traceState: createTraceState(tracestate) } : {}) }
  return trace.setSpanContext(propagation.extract(base, headers), spanContext)
}

function fail(span: Span, error: unknown): void {
  const { code, message } = BrokerError.from(error)
  span.setAttribute(Attribute.errorType, code)
  span.setStatus({ code: SpanStatusCode.ERROR, message })
}
