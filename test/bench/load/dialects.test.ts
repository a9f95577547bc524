import test from 'ava'
import { decodeFrame } from '../../../broker/wire/frame.ts'
import { Kind } from '../../../broker/wire/layout.ts'
import { callboardDialect } from '../../../bench/load/callboard-dialect.ts'
import { Chunk } from '../../../bench/load/chunk.ts'
import type { Received } from '../../../bench/load/dialect.ts'
import { natsDialect } from '../../../bench/load/nats-dialect.ts'
import { patternBytes } from '../../../bench/load/payload.ts'

const payload = patternBytes(128)

/** What the server makes of a PUB for a receiver whose subscription is number 1. */
function deliver(pub: Uint8Array): Buffer {
  const text = Buffer.from(pub).toString('latin1')
  const headEnd = text.indexOf('\r\n')
  const [, subject, ...rest] = text.slice(0, headEnd).split(' ')
  return Buffer.from(`MSG ${subject} 1 ${rest.join(' ')}${text.slice(headEnd)}`, 'latin1')
}

test('callboard dialect: an answer names origin and id of its request', t => {
  const request = callboardDialect.request('bench.exchange', payload)
  const delivered = Buffer.from(request.bytes)
  delivered.writeUInt32BE(77, 11)
  request.numbering.put(delivered, request.numbering.numberAt, 123_456)
  const response = callboardDialect.response('bench.exchange', payload)
  for (const { from, to, bytes } of response.copied) response.bytes.set(delivered.subarray(from, from + bytes), to)
  const frame = decodeFrame(response.bytes, 0, response.bytes.length)
  t.like(frame, { kind: Kind.response, to: 77, ref: 123_456, subject: 'bench.exchange' })
})

test('nats dialect: what is delivered has the length that receivers count with, and carries the number', t => {
  const chunk = new Chunk([natsDialect.publish('bench.00.00', payload).bytes], natsDialect.publish('bench.00.00', payload).numbering)
  chunk.renumber(0xabcdef)
  const delivered = deliver(chunk.bytes)
  t.is(delivered.length, natsDialect.publish('bench.00.00', payload).deliveredBytes)
  const received: Received[] = []
  natsDialect.parser(message => received.push(message))(delivered)
  t.is(received.length, 1)
  t.like(received[0], { number: 0xabcdef, subject: 'bench.00.00' })
  t.deepEqual(Buffer.from(received[0]!.payload.subarray(8)), Buffer.from(payload.subarray(8)))
})

test('nats dialect: every request has an inbox of its own, and its answer goes there', t => {
  const request = natsDialect.request('bench.exchange', payload)
  const chunk = new Chunk([request.bytes], request.numbering)
  chunk.renumber(0x1234)
  const delivered = deliver(chunk.bytes)
  t.is(delivered.length, request.deliveredBytes)
  const response = natsDialect.response('bench.exchange', payload)
  for (const { from, to, bytes } of response.copied) response.bytes.set(delivered.subarray(from, from + bytes), to)
  const answer = deliver(response.bytes)
  t.is(answer.length, response.deliveredBytes)
  const received: Received[] = []
  natsDialect.parser(message => received.push(message))(answer)
  t.like(received[0], { number: 0x1234, subject: '_INBOX.bench.00001234' })
})

test('nats dialect: pings between messages are passed over, anything else is an error', t => {
  const message = deliver(natsDialect.publish('bench.00.00', payload).bytes)
  let count = 0
  natsDialect.parser(() => count++)(Buffer.concat([Buffer.from('PING\r\n'), message, Buffer.from('PING\r\n'), message]))
  t.is(count, 2)
  t.throws(() => natsDialect.parser(() => {})(Buffer.from("-ERR 'Slow Consumer'\r\n")), { message: /Slow Consumer/ })
})
