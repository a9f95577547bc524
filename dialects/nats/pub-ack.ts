// What a NATS client is told on its reply subject when a queue has its message, or has not: JetStream's PubAck, so that `js.publish()`
// of its library works. What JetStream has beside it, streams and consumers, is not offered.

import type { StoreAnswers } from '../../broker/ground/control.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { headerValue } from '../../broker/wire/nats/header-block.ts'

interface ApiError {
  readonly code: number
  readonly err_code: number
  readonly description: string
}

/** Of nats-server's table, as far as one of its errors says what happened. */
const FULL = { code: 503, err_code: 10_077, description: 'maximum messages exceeded' }
const OTHER_STREAM = { code: 400, err_code: 10_060, description: 'expected stream does not match' }
const STORE_FAILED = 10_077
const BAD_REQUEST = 10_003

/** Headers by which a client makes JetStream check something first: a queue checks none of it, so it must not say that it did. */
const CONDITIONS = ['Nats-Expected-Last-Sequence', 'Nats-Expected-Last-Subject-Sequence', 'Nats-Expected-Last-Msg-Id', 'Nats-Rollup'] as const
/** JetStream's time to live, by a server that allows it: taken in silence, the message would stay for ever. */
const TTL = 'Nats-TTL'
const EXPECTED_STREAM = 'Nats-Expected-Stream'
const NUMBERS = ['delay', 'deliverAt', 'sequence'] as const
const TEXTS = ['session', 'durability'] as const

const utf8 = new TextEncoder()

export const pubAcks: StoreAnswers = {
  // By hand: one for each message.
  stored: (queue, position, isDuplicate) => utf8.encode(`{"stream":${JSON.stringify(queue)},"seq":${position}${isDuplicate ? ',"duplicate":true' : ''}}`),
  dropped: (queue) => json({ error: FULL, stream: queue, seq: 0 }),
  refused: (queue, error) => json({ error: apiError(error), stream: queue, seq: 0 }),
}

/**
 * What the headers of a message ask of the queue that it goes to, by the names that natives have for it; undefined: nothing.
 * @throws BrokerError `queue.bad_option`: they ask for what no queue does
 */
export function queueHeadersOf(block: Uint8Array, queue: string): Readonly<Record<string, unknown>> | undefined {
  const stream = headerValue(block, EXPECTED_STREAM)
  if (stream !== undefined && stream !== queue) throw new BrokerError('queue.bad_option', { problem: `its header ${EXPECTED_STREAM} says "${stream}", and queue "${queue}" keeps its subject`, expected: stream })
  for (const name of CONDITIONS) if (headerValue(block, name) !== undefined) throw new BrokerError('queue.bad_option', { problem: `its header ${name} asks for a condition that queues do not check` })
  if (headerValue(block, TTL) !== undefined) throw new BrokerError('queue.bad_option', { problem: `its header ${TTL} is not read here; say Callboard-TTL, in ms` })
  const found: Record<string, unknown> = {}
  for (const name of NUMBERS) {
    const value = headerValue(block, name)
    // What is no number is refused as such.
    if (value !== undefined) found[name] = /^\d{1,16}$/.test(value) ? Number(value) : value
  }
  for (const name of TEXTS) {
    const value = headerValue(block, name)
    if (value !== undefined) found[name] = value
  }
  return Object.keys(found).length === 0 ? undefined : found
}

function apiError({ code, message, details }: BrokerError): ApiError {
  if (code === 'queue.full') return FULL
  if (code === 'queue.bad_option') return details['expected'] === undefined ? { code: 400, err_code: BAD_REQUEST, description: message } : OTHER_STREAM
  return { code: 503, err_code: STORE_FAILED, description: message }
}

function json(value: object): Uint8Array {
  return utf8.encode(JSON.stringify(value))
}
