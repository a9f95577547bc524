// Passes a trace on without recording it: what is sent while a message is handled gets that message's context.
// Node only. Knows no spans.

import { AsyncLocalStorage } from 'node:async_hooks'
import { readTraceparent, TRACEPARENT, TRACESTATE } from '../broker/ground/trace-context.ts'
import type { Headers } from '../broker/wire/frame.ts'
import type { Message } from './message.ts'
import type { ClientTracing, SendingOperation, TracedOptions } from './tracing.ts'

/** All clients of a process: an agent may get a message by one and pass it on by another. */
const current = new AsyncLocalStorage<Headers>()

export class HeaderTracing implements ClientTracing {
  send<O extends TracedOptions, T>(_operation: SendingOperation, _subject: string, options: O, run: (options: O) => Promise<T>): Promise<T> {
    return run(withContext(options))
  }

  iterate<O extends TracedOptions, T>(_subject: string, options: O, run: (options: O) => AsyncIterableIterator<T, undefined>): AsyncIterableIterator<T, undefined> {
    return run(withContext(options))
  }

  process(message: Message, _group: string | undefined, run: (failed: (error: unknown) => void) => Promise<void>): Promise<void> {
    const { [TRACEPARENT]: traceparent, [TRACESTATE]: tracestate } = message.headers ?? {}
    // Also where there is none: what is sent for this message is not part of the trace in which its subscription was made.
    const context = readTraceparent(traceparent) === undefined ? {} : { [TRACEPARENT]: traceparent, ...(tracestate === undefined ? {} : { [TRACESTATE]: tracestate }) }
    return current.run(context, () => run(() => {}))
  }

  settle(): undefined {
    return undefined
  }

  answer(headers: Headers | undefined): Headers | undefined {
    return withContext(headers === undefined ? {} : { headers }).headers
  }
}

// What the caller gave goes before: it may begin a trace of its own.
function withContext<O extends TracedOptions>(options: O): O {
  const context = current.getStore()
  if (context?.[TRACEPARENT] === undefined || options.headers?.[TRACEPARENT] !== undefined) return options
  return { ...options, headers: { ...options.headers, ...context } }
}
