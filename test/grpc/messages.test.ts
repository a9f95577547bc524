// Messages by gRPC: published, subscribed, asked and answered, over both transports.

import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import test from 'ava'
import { startGrpcBroker } from '../support/grpc-broker.ts'
import type { SendResult } from '../../grpc/messages.ts'
import { withMoreTime } from '../support/with-more-time.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

for (const transport of ['tcp', 'unix'] as const) {
  test(`grpc: by ${transport} a message reaches streams and clients of other kinds, and theirs reach the stream`, async t => {
    const broker = await startGrpcBroker(t)
    const client = broker.grpc({ address: broker[transport] })
    const sdk = await broker.connect()
    const heard = sdk.subscribe('home.>')
    await heard.ready
    const stream = await client.subscribe({ subject: 'home.*' })
    const result = await client.call<SendResult>('SendMessage', { subject: 'home.lamp', payload: Buffer.from('{"on":true}'), payloadType: 'PAYLOAD_JSON', headers: { room: 'hall' }, id: 'm-1' }, { metadata: { traceparent: TRACE } })
    t.is(result.receivers, 2)
    t.regex(result.messageId!, /^[0-9a-f]+\.1\.\d+\.\d+$/)
    const { value: message } = await heard[Symbol.asyncIterator]().next()
    t.deepEqual([message!.value, message!.headers?.['room'], message!.headers?.['traceparent']], [{ on: true }, 'hall', TRACE])
    const event = await stream.next()
    t.like(event, { kind: 'KIND_MESSAGE', id: 'm-1', subject: 'home.lamp', payloadType: 'PAYLOAD_JSON', headers: { room: 'hall', traceparent: TRACE } })
    t.is(String(event.payload), '{"on":true}')
    t.true(Math.abs(event.timeUs! / 1000 - Date.now()) < 60_000)
    await sdk.publish('home.door', 'open', { headers: { count: 3, who: 'me' } })
    const other = await stream.next()
    t.like(other, { subject: 'home.door', payloadType: 'PAYLOAD_TEXT', sender: sdk.id, headers: { count: '3', who: 'me' } })
    t.is(String(other.payload), 'open')
  })
}

test('grpc: the socket and its directory are the owner\'s alone', async t => {
  const broker = await startGrpcBroker(t)
  const path = broker.broker.grpcSocketPath!
  t.deepEqual([statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777], [0o600, 0o700])
})

test('grpc: a request is answered by an agent, by a stream, and by all when many are wanted', async t => {
  const broker = await startGrpcBroker(t)
  const client = broker.grpc()
  const sdk = await broker.connect()
  await sdk.subscribe('sum', { onMessage: request => request.respond((request.value as number[]).reduce((a, b) => a + b, 0)) }).ready
  const { reply } = await client.call<SendResult>('SendMessage', { kind: 'KIND_REQUEST', subject: 'sum', payload: Buffer.from('[1,2,3]'), payloadType: 'PAYLOAD_JSON' })
  t.like(reply, { kind: 'KIND_RESPONSE', sender: sdk.id })
  t.is(String(reply!.payload), '6')

  const stream = await client.subscribe({ subject: 'ask.me' })
  const asked = sdk.request('ask.me', 'how are you?', { timeoutMs: 60_000 })
  const request = await stream.next()
  t.like(request, { kind: 'KIND_REQUEST', sender: sdk.id, timeoutMs: 60_000 })
  await client.call('SendMessage', { kind: 'KIND_PART', replyTo: request.replyTo, payload: Buffer.from('well'), payloadType: 'PAYLOAD_TEXT' })
  await client.call('SendMessage', { replyTo: request.replyTo, payload: Buffer.from('and you?'), payloadType: 'PAYLOAD_TEXT' })
  t.is((await asked).value, 'and you?')
  t.like(await client.failure('SendMessage', { replyTo: request.replyTo }), { grpc: 9, code: 'request.not_open' })

  await sdk.subscribe('poll', { onMessage: request => request.respond('a') }).ready
  await (await broker.connect()).subscribe('poll', { onMessage: request => request.respond('b') }).ready
  const many = await client.call<SendResult>('SendMessage', { kind: 'KIND_REQUEST', subject: 'poll', many: true })
  t.deepEqual([many.parts!.map(({ payload }) => String(payload)).toSorted(), many.ended], [['a', 'b'], 'complete'])
})

test('grpc: an answer that is an error arrives as one, with the application\'s own code', async t => {
  const broker = await startGrpcBroker(t)
  const client = broker.grpc()
  const stream = await client.subscribe({ subject: 'job' })
  const failing = client.failure('SendMessage', { kind: 'KIND_REQUEST', subject: 'job' })
  const { replyTo } = await stream.next()
  await client.call('SendMessage', { kind: 'KIND_ERROR', replyTo, error: { code: 'printer.jam', message: 'the printer is jammed' } })
  const failure = await failing
  t.like(failure, { grpc: 2, code: 'request.failed', message: 'the printer is jammed' })
  t.is(failure.info?.metadata['applicationCode'], 'printer.jam')
})

test('grpc: the deadline of a call is the time that its responder has, and cancelling a call cancels the request', async t => {
  const broker = await startGrpcBroker(t)
  const client = broker.grpc()
  const stream = await client.subscribe({ subject: 'slow' })
  const failing = client.failure('SendMessage', { kind: 'KIND_REQUEST', subject: 'slow' }, { deadlineMs: 60_000 })
  const first = await stream.next()
  t.true(first.timeoutMs! > 30_000 && first.timeoutMs! <= 60_000, `${first.timeoutMs}`)
  const wasInTime = await withMoreTime(300, async deadlineMs => {
    t.is((await client.failure('SendMessage', { kind: 'KIND_REQUEST', subject: 'slow' }, { deadlineMs })).grpc, 4)
    await client.call('SendMessage', { subject: 'slow' })
    const second = await stream.next()
    // Its time was over before the broker had heard of it.
    if (second.kind === 'KIND_MESSAGE') return false
    const rest = [await stream.next(), await stream.next()].toSorted((a, b) => a.kind.localeCompare(b.kind))
    t.like(rest, [{ kind: 'KIND_CANCEL', replyTo: second.replyTo }, { kind: 'KIND_MESSAGE' }])
    return true
  })
  t.true(wasInTime)
  const abort = new AbortController()
  const cancelled = client.failure('SendMessage', { kind: 'KIND_REQUEST', subject: 'slow' }, { deadlineMs: 60_000, signal: abort.signal })
  const third = await stream.next()
  abort.abort()
  t.is((await cancelled).grpc, 1)
  t.like(await stream.next(), { kind: 'KIND_CANCEL', replyTo: third.replyTo })
  await client.call('SendMessage', { replyTo: first.replyTo, payload: Buffer.from('at last') })
  t.is((await failing).code, 'resolved')
})

test('grpc: groups share, filters select, a channel brings all below it, and what a queue keeps is told', async t => {
  const broker = await startGrpcBroker(t, { config: { channels: [{ name: 'jobs', mode: 'queue' }] } })
  const client = broker.grpc()
  const [one, two] = await Promise.all([client.subscribe({ subject: 'work', group: 'g' }), client.subscribe({ subject: 'work', group: 'g' })])
  for (let i = 0; i < 4; i++) t.is((await client.call<SendResult>('SendMessage', { subject: 'work', payload: Buffer.from([i]) })).receivers, 1)
  const shared = [await one.next(), await one.next(), await two.next(), await two.next()]
  t.deepEqual(shared.map(({ payload }) => payload![0]).toSorted((a, b) => a! - b!), [0, 1, 2, 3])
  t.true(shared.every(({ grouped }) => grouped))

  const warm = await client.subscribe({ subject: 'temperature', filter: 'celsius>20' })
  for (const celsius of [10, 30]) await client.call('SendMessage', { subject: 'temperature', payload: Buffer.from(JSON.stringify({ celsius })), payloadType: 'PAYLOAD_JSON' })
  t.is(String((await warm.next()).payload), '{"celsius":30}')

  const agent = await client.subscribe({ channel: 'agent' })
  await client.call('SendMessage', { channel: 'agent', payload: Buffer.from('a') })
  await client.call('SendMessage', { subject: 'agent.lamp', payload: Buffer.from('b') })
  t.deepEqual([await agent.next(), await agent.next()].map(({ subject, channel }) => [subject, channel]), [['agent', 'agent'], ['agent.lamp', 'agent']])

  t.like(await client.call<SendResult>('SendMessage', { channel: 'jobs', payload: Buffer.from('x'), queue: { delayMs: 60_000 } }), { stored: { queue: 'jobs', position: 1 } })
  t.like(await client.call<SendResult>('SendMessage', { subject: 'nobody', receipt: 'RECEIPT_DELIVERED', ttlMs: 1000 }), { receivers: 0, dropped: { 'no-interest': 1 } })
  t.like(await client.call<SendResult>('SendMessage', { subject: 'work', receipt: 'RECEIPT_DELIVERED' }), { receivers: 1, written: 1 })
})

test('grpc: a client is an actor, a connection and an account like any other, and the books balance', async t => {
  const broker = await startGrpcBroker(t)
  const client = broker.grpc()
  const sdk = await broker.connect()
  const stream = await client.subscribe({ subject: 'x' }, { 'callboard-program': 'thermostat' })
  for (let i = 0; i < 10; i++) await client.call('SendMessage', { subject: 'x', payload: Buffer.from('1') })
  for (let i = 0; i < 10; i++) await stream.next()
  const { connections } = await sdk.call('connections')
  const ours = connections.filter(({ transport }) => transport === 'grpc')
  const streaming = ours.find(({ program }) => program === 'thermostat')
  const unary = ours.find(each => each !== streaming)
  t.like(unary, { principal: 'owner', dialect: 'native', in: { messages: 10 } })
  t.like(streaming, { program: 'thermostat', subscriptions: 1, out: { pendingMessages: 0 } })
  t.true(streaming!.out.messages >= 10)
  t.true(JSON.stringify(await sdk.call('tree')).includes(`"id":"${streaming!.id}","kind":"connection"`))
  t.true((await sdk.call('stats')).balanced)
  await sdk.call('connection.kill', { id: streaming!.id })
  t.like(await stream.ended, { grpc: 14, code: 'connection.killed' })
})
