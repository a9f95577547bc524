import { context, SpanKind, trace } from '@opentelemetry/api'
import test from 'ava'
import { TRACEPARENT } from '../../broker/ground/trace-context.ts'
import { startBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { parentOf, recordSpans } from '../support/recorded-spans.ts'

const spans = recordSpans()
const idOf = (span: { spanContext(): { spanId: string } }): string => span.spanContext().spanId

test('tracing: a handler continues the trace of its message, and so does what it sends', async t => {
  const broker = await startBroker(t)
  const [sender, agent] = await Promise.all([broker.connect({ tracing: true, clientId: 'sender' }), broker.connect({ tracing: true, clientId: 'agent' })])
  await agent.subscribe('a.first', { group: 'g', onMessage: async () => agent.publish('a.second', 2) }).ready
  const second = new Promise<unknown>(resolve => sender.subscribe('a.second', { onMessage: message => resolve(message.headers?.[TRACEPARENT]) }))
  await sender.publish('a.first', 1, { mid: 'mine' })
  const traceparent = await second
  const [published, processed, passedOn] = [await spans.one('publish a.first'), await spans.one('process a.first'), await spans.one('publish a.second')]
  t.is(parentOf(published), undefined)
  t.is(parentOf(processed), idOf(published))
  t.is(parentOf(passedOn), idOf(processed))
  t.is(traceparent, `00-${passedOn.spanContext().traceId}-${idOf(passedOn)}-01`)
  t.deepEqual([published.kind, processed.kind], [SpanKind.PRODUCER, SpanKind.CONSUMER])
  t.like(published.attributes, { 'messaging.system': 'callboard', 'messaging.operation.name': 'publish', 'messaging.operation.type': 'send', 'messaging.destination.name': 'a.first', 'messaging.client.id': 'sender', 'callboard.mid': 'mine' })
  t.like(processed.attributes, { 'messaging.operation.type': 'process', 'messaging.client.id': 'agent', 'messaging.consumer.group.name': 'g', 'messaging.message.body.size': 1 })
  t.regex(String(processed.attributes['messaging.message.id']), /^\w+\.\d+\.\d+\.\d+$/)
})

test('tracing: the span of a request lasts until its answer', async t => {
  const broker = await startBroker(t)
  const [asker, agent] = await Promise.all([broker.connect({ tracing: true }), broker.connect({ tracing: true })])
  let wasOver: boolean | undefined
  await agent.subscribe('b.ask', {
    onMessage: message => {
      wasOver = spans.all().some(({ name }) => name === 'request b.ask')
      return message.respond('yes')
    },
  }).ready
  const answer = await asker.request('b.ask')
  const [asked, processed] = [await spans.one('request b.ask'), await spans.one('process b.ask')]
  t.is(asked.kind, SpanKind.CLIENT)
  t.is(parentOf(processed), idOf(asked))
  t.is(processed.attributes['callboard.message.kind'], 'request')
  t.false(wasOver, 'while it was handled')
  t.is(answer.value, 'yes')
})

test('tracing: what fails is an error in its span, on both sides', async t => {
  const broker = await startBroker(t)
  const [asker, agent] = await Promise.all([broker.connect({ tracing: true }), broker.connect({ tracing: true })])
  await agent.subscribe('c.ask', { onMessage: () => Promise.reject(new Error('no idea')) }).ready
  t.is(await errorCode(asker.request('c.ask')), 'request.failed')
  t.is(await errorCode(asker.request('c.nobody')), 'request.no_responders')
  t.like((await spans.one('request c.ask')).attributes, { 'error.type': 'request.failed' })
  t.like((await spans.one('process c.ask')).status, { code: 2, message: 'internal.error: internal error: no idea' })
  t.like((await spans.one('request c.nobody')).attributes, { 'error.type': 'request.no_responders' })
})

test('tracing: the span of a stream ends with its iterator, also when it is left', async t => {
  const broker = await startBroker(t)
  const [asker, agent] = await Promise.all([broker.connect({ tracing: true }), broker.connect()])
  await agent.subscribe('d.ask', {
    onMessage: async message => {
      await message.part(1)
      await message.part(2)
      await message.respond(3)
    },
  }).ready
  const values: unknown[] = []
  for await (const part of asker.stream('d.ask', undefined, { mid: 'whole' })) {
    values.push(part.value)
    t.is(spans.all().filter(({ name }) => name === 'request d.ask').length, 0)
  }
  t.deepEqual(values, [1, 2, 3])
  t.is((await spans.one('request d.ask')).attributes['callboard.mid'], 'whole')
  await agent.subscribe('d.left', { onMessage: message => message.part(1) }).ready
  for await (const _ of asker.stream('d.left')) break
  await spans.one('request d.left')
})

test('tracing: a message without context makes no span, and what its handler sends begins a trace', async t => {
  const broker = await startBroker(t)
  const [plain, agent] = await Promise.all([broker.connect(), context.with(trace.setSpan(context.active(), trace.getTracer('t').startSpan('around')), () => broker.connect({ tracing: true }))])
  await agent.subscribe('e.first', { onMessage: () => agent.publish('e.second', 2) }).ready
  const second = new Promise<unknown>(resolve => plain.subscribe('e.second', { onMessage: message => resolve(message.headers) }))
  await plain.publish('e.first', 1)
  t.is(typeof (await second as Record<string, unknown>)[TRACEPARENT], 'string')
  t.is(parentOf(await spans.one('publish e.second')), undefined)
  t.false(spans.all().some(({ name }) => name === 'process e.first'))
})

test('tracing: a trace that is not sampled goes on unrecorded', async t => {
  const broker = await startBroker(t)
  const [plain, agent] = await Promise.all([broker.connect(), broker.connect({ tracing: true })])
  await agent.subscribe('f.first', { onMessage: () => agent.publish('f.second', 2) }).ready
  const second = new Promise<unknown>(resolve => plain.subscribe('f.second', { onMessage: message => resolve(message.headers?.[TRACEPARENT]) }))
  await plain.publish('f.first', 1, { headers: { [TRACEPARENT]: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00' } })
  t.regex(String(await second), /^00-4bf92f3577b34da6a3ce929d0e0e4736-[\da-f]{16}-00$/)
  t.false(spans.all().some(({ name }) => name.includes(' f.')))
})

test('tracing: a script that speaks JSON begins a trace by its headers', async t => {
  const broker = await startBroker(t)
  const agent = await broker.connect({ tracing: true })
  await agent.subscribe('g.first', { onMessage: message => message.respond(1) }).ready
  const json = await broker.json()
  json.say({ type: 'request', id: 'q', subject: 'g.first', payload: 1, headers: { [TRACEPARENT]: '00-aaaabbbbccccddddaaaabbbbccccdddd-00f067aa0ba902b7-01', tracestate: 'vendor=x' } })
  const processed = await spans.one('process g.first', 'aaaabbbbccccddddaaaabbbbccccdddd')
  t.is(parentOf(processed), '00f067aa0ba902b7')
  t.is(processed.spanContext().traceState?.serialize(), 'vendor=x')
})

test('tracing: without the option nothing is added', async t => {
  const broker = await startBroker(t)
  const [sender, receiver] = await Promise.all([broker.connect(), broker.connect()])
  const received = new Promise<unknown>(resolve => receiver.subscribe('h.first', { onMessage: message => resolve(message.headers) }))
  await receiver.call('ping')
  await sender.publish('h.first', 1)
  t.is(await received, undefined)
  t.false(spans.all().some(({ name }) => name.includes(' h.')))
})
