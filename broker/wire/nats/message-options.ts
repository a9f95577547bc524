// What the headers of a NATS message ask of the broker, found without reading the others.

import { TRACEPARENT, TRACESTATE } from '../../ground/trace-context.ts'
import { headerValue } from './header-block.ts'
import { Name } from './header-names.ts'

/** W3C Trace Context 3.2.1 leaves the case of the name open; these are the two that libraries write. */
const TRACEPARENTS = [TRACEPARENT, 'Traceparent'] as const
const TRACESTATES = [TRACESTATE, 'Tracestate'] as const

/** The native headers that mean something to the broker, of those that a block says; undefined: none. A time to live that is none is left out. */
export function optionHeaders(block: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const mid = headerValue(block, Name.mid)
  const ttl = ttlOf(headerValue(block, Name.ttl))
  const traceparent = first(block, TRACEPARENTS)
  if (mid === undefined && ttl === undefined && traceparent === undefined) return undefined
  const tracestate = traceparent === undefined ? undefined : first(block, TRACESTATES)
  return { ...(mid === undefined ? {} : { mid }), ...(ttl === undefined ? {} : { ttl }), ...(traceparent === undefined ? {} : { traceparent }), ...(tracestate === undefined ? {} : { tracestate }) }
}

const MAX_TTL_MS = 2 ** 31 - 1

/** Milliseconds, 1..2^31-1; undefined for a text that says none. */
export function ttlOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,9}$/.test(text) && Number(text) <= MAX_TTL_MS ? Number(text) : undefined
}

function first(block: Uint8Array, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = headerValue(block, name)
    if (value !== undefined) return value
  }
  return undefined
}
