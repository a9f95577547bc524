import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace'
import test from 'ava'
import { Kind } from '../../broker/ground/kind.ts'
import type { TracedMessage } from '../../broker/ground/message-trace.ts'
import { MessageSpans } from '../../telemetry/message-spans.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { recordedLog, type RecordedLog } from '../support/recorded-log.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SENDER = '00f067aa0ba902b7'

interface Rig {
  readonly spans: MessageSpans
  readonly clock: FakeClock
  readonly log: RecordedLog
  /** Spans that have ended, in that order. */
  readonly ended: () => ReadableSpan[]
  readonly message: (more?: Partial<TracedMessage>) => TracedMessage
}

function rig(): Rig {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const clock = new FakeClock()
  const log = recordedLog()
  const spans = new MessageSpans({ tracer: provider.getTracer('test'), clock, log, clientOf: connection => `client-${connection}` })
  return {
    spans,
    clock,
    log,
    ended: () => exporter.getFinishedSpans(),
    message: more => ({ traceparent: `00-${TRACE}-${SENDER}-01`, tracestate: 'vendor=x', kind: Kind.publish, subject: 'status.weather', id: 'home.1.7.9', client: 'demo', payloadBytes: 12, receivedMicros: clock.wallMicros(), ...more }),
  }
}

const named = (spans: readonly ReadableSpan[]): Record<string, ReadableSpan> => Object.fromEntries(spans.map(span => [span.name, span]))
const micros = ([seconds, nanos]: readonly [number, number]): number => seconds * 1e6 + nanos / 1000

test('message spans: a delivered message has spans for publish, route and each delivery, below its sender', async t => {
  const { spans, clock, ended, message } = rig()
  const sent = message()
  const trace = spans.accepted(sent)
  trace.routed(2)
  await clock.advance(3)
  trace.settled(4, 'written', 1)
  t.is(ended().filter(({ name }) => name.startsWith('publish')).length, 0, 'one fate is not known')
  await clock.advance(4)
  trace.settled(5, 'written', 1)
  const { 'publish status.weather': publish, 'route status.weather': route } = named(ended())
  const deliveries = ended().filter(({ name }) => name === 'deliver status.weather')
  t.is(ended().length, 4)
  t.is(publish!.parentSpanContext?.spanId, SENDER)
  t.is(publish!.spanContext().traceState?.serialize(), 'vendor=x')
  for (const span of ended()) t.is(span.spanContext().traceId, TRACE)
  for (const span of [route!, ...deliveries]) t.is(span.parentSpanContext?.spanId, publish!.spanContext().spanId)
  t.like(publish!.attributes, { 'messaging.system': 'callboard', 'messaging.destination.name': 'status.weather', 'messaging.message.id': 'home.1.7.9', 'messaging.client.id': 'demo', 'messaging.message.body.size': 12, 'messaging.operation.name': 'publish', 'callboard.receivers': 2, 'callboard.fate.written': 2 })
  t.deepEqual(deliveries.map(({ attributes }) => [attributes['callboard.connection'], attributes['callboard.receiver'], attributes['callboard.fate']]), [['conn-4', 'client-4', 'written'], ['conn-5', 'client-5', 'written']])
  t.is(micros(publish!.startTime), sent.receivedMicros)
  t.is(micros(publish!.endTime) - sent.receivedMicros, 7000)
  t.is(micros(deliveries[0]!.endTime) - sent.receivedMicros, 3000)
  t.deepEqual(ended().map(({ status }) => status.code), [0, 0, 0, 0])
})

test('message spans: what is delivered while it is routed counts', t => {
  const { spans, ended, message } = rig()
  const trace = spans.accepted(message())
  trace.settled(4, 'written', 1)
  t.is(ended().length, 1)
  trace.routed(1)
  t.deepEqual(ended().map(({ name }) => name.split(' ')[0]), ['deliver', 'route', 'publish'])
})

test('message spans: a wall clock that is set back turns no span around', async t => {
  const { spans, clock, ended, message } = rig()
  const sent = message({ receivedMicros: clock.wallMicros() + 5000 })
  const trace = spans.accepted(sent)
  trace.routed(1)
  await clock.advance(2)
  trace.settled(4, 'written', 1)
  for (const span of ended()) t.true(micros(span.startTime) >= sent.receivedMicros && micros(span.endTime) >= micros(span.startTime))
  t.is(micros(ended().at(-1)!.endTime), sent.receivedMicros + 2000)
})

test('message spans: a refused message is an error in its span and a line joined to it', t => {
  const { spans, log, ended, message } = rig()
  spans.accepted(message({ kind: Kind.request })).refused('permission.denied')
  const [span] = ended()
  t.is(span!.name, 'request status.weather')
  t.like(span!.status, { code: 2, message: 'permission.denied' })
  t.is(span!.attributes['error.type'], 'permission.denied')
  const { spanId } = span!.spanContext()
  t.like(log.records[0], { text: 'a traced message was refused', fields: { code: 'permission.denied', trace_id: TRACE, span_id: spanId, message: 'home.1.7.9' } })
})

test('message spans: a drop is an error in its delivery and in the message, and a line', t => {
  const { spans, log, ended, message } = rig()
  const trace = spans.accepted(message())
  trace.routed(2)
  trace.settled(4, 'dropped(slow-consumer)', 1)
  trace.settled(5, 'written', 1)
  const [, lost, written, publish] = ended()
  t.deepEqual([lost, written, publish].map(span => span!.status.code), [2, 0, 2])
  t.is(lost!.attributes['error.type'], 'dropped(slow-consumer)')
  t.like(publish!.attributes, { 'callboard.fate.dropped(slow-consumer)': 1, 'callboard.fate.written': 1 })
  t.like(log.records[0], { text: 'a traced message was not delivered', fields: { fate: 'dropped(slow-consumer)', connection: 'conn-4', receiver: 'client-4', trace_id: TRACE } })
})

test('message spans: nobody there is an error of the message', t => {
  const { spans, ended, message } = rig()
  spans.accepted(message()).routed(0)
  const { 'publish status.weather': publish } = named(ended())
  t.is(publish!.attributes['error.type'], 'dropped(no-interest)')
  t.is(ended().length, 2)
})

test('message spans: of many receivers 64 have a span, the rest are numbers', t => {
  const { spans, log, ended, message } = rig()
  const trace = spans.accepted(message())
  trace.routed(1000)
  for (let receiver = 1; receiver <= 1000; receiver++) trace.settled(receiver, receiver > 600 ? 'dropped(actor-gone)' : 'written', 1)
  t.is(ended().filter(({ name }) => name.startsWith('deliver')).length, 64)
  t.like(named(ended())['publish status.weather']!.attributes, { 'callboard.receivers': 1000, 'callboard.fate.written': 600, 'callboard.fate.dropped(actor-gone)': 400 })
  t.is(log.records.length, 0)
})

test('message spans: closing ends what is open and says what waited', t => {
  const { spans, ended, message } = rig()
  const trace = spans.accepted(message())
  trace.routed(3)
  trace.settled(4, 'written', 1)
  spans.close()
  const publish = named(ended())['publish status.weather']!
  t.like(publish.attributes, { 'callboard.fate.pending': 2, 'callboard.fate.written': 1 })
  const count = ended().length
  t.notThrows(() => trace.settled(5, 'written', 1))
  t.is(ended().length, count)
})

test('message spans: a trace that goes on for half a minute is sent with what is known', async t => {
  const { spans, clock, ended, message } = rig()
  const early = spans.accepted(message({ id: 'early' }))
  early.routed(2)
  early.settled(4, 'written', 1)
  await clock.advance(20_000)
  spans.accepted(message({ id: 'late' })).routed(1)
  t.is(ended().filter(({ name }) => name.startsWith('publish')).length, 0)
  await clock.advance(15_000)
  const publishes = ended().filter(({ name }) => name.startsWith('publish'))
  t.deepEqual(publishes.map(({ attributes }) => [attributes['messaging.message.id'], attributes['callboard.fate.written'], attributes['callboard.fate.pending']]), [['early', 1, 1]])
  await clock.advance(20_000)
  t.is(ended().filter(({ name }) => name.startsWith('publish')).length, 2)
  t.is(clock.pendingTimers, 0, 'nothing keeps looking')
})

test('message spans: above a thousand a second messages go without, and are counted', async t => {
  const { spans, clock, ended, message } = rig()
  for (let i = 0; i < 1200; i++) spans.accepted(message()).routed(0)
  t.is(spans.skipped, 200)
  t.is(ended().length, 2000)
  await clock.advance(1000)
  spans.accepted(message()).routed(0)
  t.is(spans.skipped, 200)
})

test('message spans: above four thousand deliveries a second the numbers must do', t => {
  const { spans, ended, message } = rig()
  for (let i = 0; i < 100; i++) {
    const trace = spans.accepted(message())
    trace.routed(50)
    for (let receiver = 1; receiver <= 50; receiver++) trace.settled(receiver, 'written', 1)
  }
  t.is(ended().filter(({ name }) => name.startsWith('deliver')).length, 4000)
  t.true(ended().filter(({ name }) => name.startsWith('publish')).every(({ attributes }) => attributes['callboard.fate.written'] === 50))
})

test('message spans: above ten thousand open ones messages go without, and are counted', async t => {
  const { spans, clock, ended, message } = rig()
  const traces = []
  for (let second = 0; second < 10; second++) {
    for (let i = 0; i < 1000; i++) traces.push(spans.accepted(message()))
    await clock.advance(1000)
  }
  traces.push(spans.accepted(message()))
  t.is(spans.skipped, 1)
  traces.at(-1)!.routed(0)
  t.is(ended().length, 0)
  for (const trace of traces) trace.routed(0)
  t.is(ended().length, 20_000)
  spans.accepted(message()).routed(0)
  t.is(ended().length, 20_002)
})
