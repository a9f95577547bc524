import { SpanKind } from '@opentelemetry/api'
import test from 'ava'
import { TRACEPARENT } from '../../broker/ground/trace-context.ts'
import { parentOf, recordSpans } from '../support/recorded-spans.ts'
import { scriptedClient } from '../support/scripted-client.ts'
import { forwarded, ScriptedQueue } from '../support/scripted-queue.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SENDER = '00f067aa0ba902b7'
const OTHER = 'aaaabbbbccccddddaaaabbbbccccdddd'
const headers = { [TRACEPARENT]: `00-${TRACE}-${SENDER}-01` }
const spans = recordSpans()

test('tracing: a message of a queue is handled and settled within the trace of its sender, however late', async t => {
  const { client, peer } = await scriptedClient(t, { tracing: true, clientId: 'worker' })
  client.consume<number>('jobs', { onMessage: message => (message.value === 1 ? message.forward('results', 1) : Promise.reject(new Error('no idea'))) })
  const queue = await ScriptedQueue.announced(peer)
  await queue.pulled()
  queue.lease(1, 1, { headers: { ...headers, $attempt: 2 } })
  const [[, , [frame]]] = (await queue.settled()).forward as [[number, number, Uint8Array[]]]
  const [processed, settled] = [await spans.one('process jobs', TRACE), await spans.one('forward jobs', TRACE)]
  t.deepEqual([processed.spanContext().traceId, parentOf(processed)], [TRACE, SENDER])
  t.like(processed.attributes, { 'messaging.operation.type': 'process', 'callboard.queue.attempt': 2 })
  t.is(parentOf(settled), processed.spanContext().spanId)
  t.is(settled.kind, SpanKind.CLIENT)
  t.like(settled.attributes, { 'messaging.operation.type': 'settle', 'messaging.operation.name': 'forward', 'messaging.destination.name': 'jobs', 'messaging.client.id': 'worker' })
  // What takes its place belongs to the handler's span.
  t.is(forwarded(frame!).headers?.[TRACEPARENT], `00-${TRACE}-${processed.spanContext().spanId}-01`)
})

test('tracing: a settlement that the broker does not confirm is an error in its span', async t => {
  const { client, peer } = await scriptedClient(t, { tracing: true })
  client.consume<number>('jobs', { onMessage: () => {} })
  const queue = await ScriptedQueue.announced(peer)
  await queue.pulled()
  queue.lease(1, 1, { headers: { [TRACEPARENT]: `00-${OTHER}-${SENDER}-01` } })
  await queue.settled([1])
  const settled = await spans.one('ack jobs', OTHER)
  t.like(settled.attributes, { 'error.type': 'queue.lease_lost' })
})

test('tracing: with propagate alone the trace goes on by headers', async t => {
  const { client, peer } = await scriptedClient(t, { tracing: 'propagate' })
  client.consume('jobs', { onMessage: message => message.forward('results', 1) })
  const queue = await ScriptedQueue.announced(peer)
  await queue.pulled()
  queue.lease(1, 1, { headers })
  const [[, , [frame]]] = (await queue.settled()).forward as [[number, number, Uint8Array[]]]
  t.is(forwarded(frame!).headers?.[TRACEPARENT], headers[TRACEPARENT])
})
