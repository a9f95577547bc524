// Consumers whose links break: what is on lease stays theirs while the session may be resumed, and what it lost comes again.

import test from 'ava'
import { Kind } from '../../broker/ground/kind.ts'
import { consume, NUMBER, QUEUE, setUp } from '../support/consuming-rig.ts'
import { OWNER_TOKEN } from '../support/pipeline.ts'

test('consuming: a session without a link keeps its leases, gets nothing more, and goes on where it was', async t => {
  const { rig, queue, put, lease } = await setUp()
  const consumer = rig.native({ client: 'consumer', sessionTtlMs: 60_000 })
  const { grant, session } = consumer.connection
  consume(consumer, 10)
  await put(3)
  lease([1])
  consumer.frames()
  consumer.link.kernelBytes = 0
  lease([2])
  rig.turn()
  consumer.link.destroy()
  rig.turn()
  t.deepEqual(queue.settled, [])
  t.is(queue.demanded, 2, 'what it had asked for beside the two was taken back')
  const again = rig.link()
  // Of the session it has the answer to its subscription and one message.
  again.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, client: 'consumer', sessionTtlMs: 60_000, resume: { session, secret: grant!.secret, received: 2 } })
  const [welcome, ...rest] = again.frames()
  t.like(welcome?.body, { resumed: true, lost: 0 })
  t.deepEqual(rest.map(({ kind, ref }) => [kind, ref]), [[Kind.leased, 2]])
  t.is(queue.demanded, 10)
  again.continueAbove(100)
  again.control(Kind.settle, NUMBER, { ack: [1, 1, 2, 1] })
  await rig.settle()
  t.deepEqual(again.frames().map(({ kind, body }) => [kind, body]), [[Kind.ok, undefined]])
})

test('consuming: what a session has lost with its link comes again, and others come in its place', async t => {
  const { rig, queue, publisher, lease } = await setUp({ ipc: { limits: { sessionBytes: 1000 } } })
  const consumer = rig.native({ client: 'consumer', sessionTtlMs: 60_000 })
  const { grant, session } = consumer.connection
  consume(consumer, 5)
  for (let i = 0; i < 5; i++) publisher.publish(QUEUE, new Uint8Array(300))
  await rig.settle()
  for (let position = 1; position <= 5; position++) {
    lease([position])
    rig.turn()
  }
  consumer.link.destroy()
  rig.turn()
  const again = rig.link()
  again.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, client: 'consumer', sessionTtlMs: 60_000, resume: { session, secret: grant!.secret, received: 1 } })
  const [welcome, ...rest] = again.frames()
  t.like(welcome?.body, { resumed: true, lost: 0 }, 'what comes again is not lost, and no gap is told')
  t.deepEqual(rest.map(({ ref }) => ref), [4, 5])
  t.deepEqual(queue.settled.map(({ position, verdict }) => [position, verdict]), [[1, 'nak'], [2, 'nak'], [3, 'nak']])
  t.is(queue.demanded, 8)
})

test('consuming: of what a session has lost with its link, its client is told of what does not come again', async t => {
  const { rig, queue, publisher, lease } = await setUp({ ipc: { limits: { sessionBytes: 1000 } } })
  const consumer = rig.native({ client: 'consumer', sessionTtlMs: 60_000 })
  const { grant, session } = consumer.connection
  consume(consumer, 5)
  consumer.subscribe(NUMBER + 1, 'news')
  for (let i = 0; i < 5; i++) publisher.publish(QUEUE, new Uint8Array(300))
  await rig.settle()
  for (let position = 1; position <= 5; position++) {
    lease([position])
    rig.turn()
    if (position > 2) continue
    publisher.publish('news', new Uint8Array(300))
    rig.turn()
  }
  consumer.link.destroy()
  rig.turn()
  const again = rig.link()
  // Of the session it has the answers to its subscriptions.
  again.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, client: 'consumer', sessionTtlMs: 60_000, resume: { session, secret: grant!.secret, received: 2 } })
  const [welcome, gap, ...rest] = again.frames()
  t.like(welcome?.body, { resumed: true, lost: 2 })
  t.like(gap?.body, { reason: 'link-down', count: 2 })
  t.deepEqual(rest.map(({ kind, ref }) => [kind, ref]), [[Kind.leased, 4], [Kind.leased, 5]])
  t.deepEqual(queue.settled.map(({ position, verdict }) => [position, verdict]), [[1, 'nak'], [2, 'nak'], [3, 'nak']])
})

test('consuming: a session that is not resumed gives its messages back when it ends', async t => {
  const { rig, queue, put, lease } = await setUp()
  const consumer = rig.native({ sessionTtlMs: 1000 })
  consume(consumer, 10)
  await put(1)
  lease([1])
  consumer.frames()
  consumer.link.destroy()
  rig.turn()
  t.deepEqual(queue.settled, [])
  await rig.advance(1001)
  t.deepEqual(queue.settled.map(({ position, verdict }) => [position, verdict]), [[1, 'nak']])
})
