// What options of a publish say in its headers, and whether it may be sent twice. Pure.

import type { Headers } from '../broker/wire/frame.ts'
import type { PublishOptions } from './operation-options.ts'

/** The headers that go with a message; those of the caller as they are where no option adds any. */
export function headersOf({ headers, mid, ttlMs, receipt, delayMs, deliverAt, session, sequence, durability }: PublishOptions): Headers | undefined {
  const isQueued = delayMs !== undefined || deliverAt !== undefined || session !== undefined || sequence !== undefined || durability !== undefined
  if (mid === undefined && ttlMs === undefined && receipt !== 'delivered' && !isQueued) return headers
  const all: Record<string, unknown> = { ...headers }
  if (mid !== undefined) all['mid'] = mid
  if (ttlMs !== undefined) all['ttl'] = ttlMs
  if (receipt === 'delivered') all['receipt'] = receipt
  if (delayMs !== undefined) all['delay'] = delayMs
  if (deliverAt !== undefined) all['deliverAt'] = Number(deliverAt)
  if (session !== undefined) all['session'] = session
  if (sequence !== undefined) all['sequence'] = sequence
  if (durability !== undefined) all['durability'] = durability
  return all
}

/** Sent again in another session when its answer was open. */
export function isRepeatable({ mid, idempotent }: PublishOptions): boolean {
  return idempotent ?? mid !== undefined
}

let prefix: string | undefined
let lastGenerated = 0

/**
 * The same publish with an id of its own where it may be sent twice and has none: a channel that removes duplicates then takes it once. Ids are
 * 128 random bits for the program and a count.
 */
export function withMid<O extends PublishOptions>(options: O): O {
  if (options.idempotent !== true || options.mid !== undefined || options.headers?.['mid'] !== undefined) return options
  prefix ??= Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')
  return { ...options, mid: `${prefix}-${++lastGenerated}` }
}
