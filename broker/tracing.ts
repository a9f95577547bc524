// Finds the messages whose sender wants them traced, and follows them. Knows no spans; messages without headers never come here.

import type { Connection } from './connection.ts'
import type { MessageTrace, MessageTracer } from './ground/message-trace.ts'
import type { Slice } from './ground/slice.ts'
import { isSampled, readTraceparent, TRACEPARENT, TRACESTATE } from './ground/trace-context.ts'
import type { Frame } from './wire/frame.ts'

/** What a span says of its message. */
export type TracedMessage = Pick<Frame, 'headers' | 'kind' | 'subject' | 'id'> & { readonly payload: { readonly length: number } }

/** The trace of a message whose `traceparent` says that it is sampled; undefined for all others. `home` is what ids of this broker begin with. */
export function traceOf(tracer: MessageTracer, connection: Connection, { headers, kind, subject, id, payload }: TracedMessage, home: string, receivedMicros: number): MessageTrace | undefined {
  const traceparent = headers?.[TRACEPARENT]
  if (typeof traceparent !== 'string' || !isSampled(readTraceparent(traceparent))) return undefined
  const tracestate = headers?.[TRACESTATE]
  return tracer.accepted({
    traceparent,
    tracestate: typeof tracestate === 'string' ? tracestate : undefined,
    kind,
    subject,
    id: `${home}.${connection.number}.${id}`,
    client: connection.client,
    payloadBytes: payload.length,
    receivedMicros,
  })
}

/** The trace is told of each fate of the slice, beside whoever is told already. */
export function follow(trace: MessageTrace | undefined, slice: Slice): void {
  if (trace === undefined) return
  const { watch } = slice
  slice.watch = watch === undefined ? trace : {
    settled(receiver, fate, count) {
      watch.settled(receiver, fate, count)
      trace.settled(receiver, fate, count)
    },
  }
}
