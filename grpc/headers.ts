// Headers of messages, from the metadata of a call and the message's own, and back as texts.

import type { Metadata } from '@grpc/grpc-js'
import { BrokerError } from '../broker/ground/errors.ts'
import { toJsonValue } from '../broker/ground/json-value.ts'
import type { Headers } from '../broker/wire/frame.ts'
import type { Message } from './messages.ts'

/** Names that mean something to the broker, and the field of a Message that says it; `''`: it cannot be said. */
const fields: Readonly<Record<string, string>> = {
  mid: 'id',
  ttl: 'ttl_ms',
  receipt: 'receipt',
  delay: 'queue.delay_ms',
  deliverAt: 'queue.deliver_at',
  session: 'queue.session',
  sequence: 'queue.sequence',
  durability: 'queue.durability',
  version: 'version',
  affinity: 'affinity',
  sender: '',
  sentAt: '',
  sig: '',
  replyTo: '',
}

/** Those that metadata cannot have by accident: it knows lower case only. */
const reservedInMetadata = new Set(Object.keys(fields).map(name => name.toLowerCase()))
/** What gRPC, HTTP and credentials need for themselves. */
const technical = /^(?:authorization$|callboard-|grpc-|user-agent$|content-|accept|te$|host$|x-forwarded-|via$|:)/

/**
 * The headers of a message: metadata first, its own over it, and what its fields ask for. `traceparent` and `tracestate`
 * of the metadata stay as they are.
 * @throws BrokerError `grpc.bad_message` for an own header with a name that is a field
 */
export function headersOf(message: Message, metadata: Metadata): Headers | undefined {
  const headers: Record<string, unknown> = {}
  for (const name of Object.keys(metadata.getMap())) if (!technical.test(name) && !reservedInMetadata.has(name)) headers[name] = valueOf(metadata, name)
  for (const [name, value] of Object.entries(message.headers)) headers[checkedName(name)] = value
  const { id, ttlMs, receipt, queue, version, affinity } = message
  if (id !== '') headers['mid'] = id
  if (ttlMs > 0) headers['ttl'] = ttlMs
  if (receipt === 'RECEIPT_DELIVERED') headers['receipt'] = 'delivered'
  if (version !== '') headers['version'] = version
  if (affinity !== '') headers['affinity'] = affinity
  if (queue !== null) {
    if (queue.delayMs > 0) headers['delay'] = queue.delayMs
    if (queue.deliverAt > 0) headers['deliverAt'] = queue.deliverAt
    if (queue.session !== '') headers['session'] = queue.session
    if (queue.sequence > 0) headers['sequence'] = queue.sequence
    if (queue.durability !== '') headers['durability'] = queue.durability
  }
  for (const _ in headers) return headers
  return undefined
}

/** Headers as a client reads them: what is no text is JSON. What the event says elsewhere, or JSON cannot say, is left out. */
export function textsOf(headers: Headers | undefined): Record<string, string> | undefined {
  if (headers === undefined) return undefined
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'mid' || name === 'sender' || name === 'sig') continue
    const text = typeof value === 'string' ? value : jsonOf(value)
    if (text !== undefined) texts[name] = text
  }
  return texts
}

function checkedName(name: string): string {
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (field !== undefined) throw new BrokerError('grpc.bad_message', { problem: `its header "${name}" has a meaning to the broker; ${field === '' ? 'leave it out' : `set the field ${field}`}` })
  return name
}

function valueOf(metadata: Metadata, name: string): unknown {
  const values = metadata.get(name)
  const [first] = values
  // A binary one: MessagePack has a type for it, in memory of its own.
  return first instanceof Buffer ? new Uint8Array(first) : values.join(', ')
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(toJsonValue(value))
  } catch {
    return undefined
  }
}
