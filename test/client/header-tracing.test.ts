import test from 'ava'
import { TRACEPARENT, TRACESTATE } from '../../broker/ground/trace-context.ts'
import type { Headers } from '../../broker/wire/frame.ts'
import { startBroker } from '../support/broker.ts'

const TRACE = { [TRACEPARENT]: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', [TRACESTATE]: 'vendor=x' }
const OTHER = '00-aaaabbbbccccddddaaaabbbbccccdddd-00f067aa0ba902b7-01'

test('propagate: what a handler sends has the context of its message, across clients and awaits', async t => {
  const broker = await startBroker(t)
  const [plain, receiving, sending] = await Promise.all([broker.connect(), broker.connect({ tracing: 'propagate' }), broker.connect({ tracing: 'propagate' })])
  const seen: (Headers | undefined)[] = []
  const done = new Promise<void>(resolve => plain.subscribe('out.>', { onMessage: message => void (seen.push(message.headers) === 4 && resolve()) }))
  await plain.subscribe('ask', { onMessage: message => message.respond(message.headers) }).ready
  let answer: unknown
  await receiving.subscribe('in', {
    onMessage: async () => {
      answer = (await sending.request('ask')).value
      await sending.publish('out.1', 1)
      await sending.publish('out.2', 1, { headers: { colour: 'green' } })
      await sending.publish('out.3', 1, { headers: { [TRACEPARENT]: OTHER } })
    },
  }).ready
  await plain.publish('in', 1, { headers: TRACE })
  await sending.publish('out.4', 1)
  await done
  t.deepEqual(answer, TRACE)
  const inOrder = seen.filter(headers => headers !== undefined)
  t.deepEqual(inOrder, [TRACE, { colour: 'green', ...TRACE }, { [TRACEPARENT]: OTHER }])
  t.is(seen.length, 4)
})

test('propagate: a message without context ends the one before', async t => {
  const broker = await startBroker(t)
  const [plain, agent] = await Promise.all([broker.connect(), broker.connect({ tracing: 'propagate' })])
  const seen: unknown[] = []
  const done = new Promise<void>(resolve => plain.subscribe('out', { onMessage: message => void (seen.push(message.headers?.[TRACEPARENT]) === 3 && resolve()) }))
  await agent.subscribe('in', { onMessage: () => agent.publish('out', 1) }).ready
  await plain.publish('in', 1, { headers: TRACE })
  await plain.publish('in', 1)
  await plain.publish('in', 1, { headers: { [TRACEPARENT]: 'no such thing' } })
  await done
  t.deepEqual(seen, [TRACE[TRACEPARENT], undefined, undefined])
})
