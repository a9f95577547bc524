import test from 'ava'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { consume, NUMBER, QUEUE, setUp } from '../support/consuming-rig.ts'
import { codeOf, type NativeClient } from '../support/memory-client.ts'
import { come, confirm, handedOver, moving, nobody, offerTo } from '../support/moving-sessions.ts'
import { PipelineRig } from '../support/pipeline.ts'

test('departing: whoever waits for a receipt of all fates that cannot come any more is told so where it goes', async t => {
  const [from, to] = [new PipelineRig(), new PipelineRig()]
  const [sending, slow] = await moving(from, 2)
  slow!.client.subscribe(1, 'news')
  slow!.client.frames()
  slow!.client.link.kernelBytes = 0
  const [id, later] = [1, 2].map(() => sending!.client.send({ kind: Kind.publish, subject: 'news', flags: Flag.headers | Flag.receipt, headers: { receipt: 'delivered' } }))
  from.turn()
  const state = handedOver(from)
  to.core.continueNumbers(state.lastNumber)
  to.pipeline.arrive(state, nobody)
  const { frames } = come(to, sending!.offer, 0)
  t.deepEqual(frames.map(({ kind, ref, body }) => [kind, ref, (body as { code: string }).code, (body as { retryable: boolean }).retryable]), [id, later].map(ref => [Kind.error, ref, 'connection.moving', true]))
})

test('departing: that somebody who may have had a request stayed behind is known where it goes', async t => {
  const [from, to] = [new PipelineRig(), new PipelineRig()]
  const staying = from.native()
  const [asking, first, second] = (await moving(from, 3)).map(({ client }) => client)
  const ask = (subject: string, ...responders: NativeClient[]): number => {
    for (const responder of responders) responder.subscribe(1 + (responder.connection.subscriptions?.size ?? 0), subject)
    const id = asking!.send({ kind: Kind.request, subject, to: 5000 })
    from.turn()
    return id
  }
  const both = ask('both', staying, first!)
  const gone = ask('gone', first!, second!)
  const all = ask('all', first!)
  const state = handedOver(from)
  t.deepEqual(state.requests.map(({ id, isDeserted }) => [id, isDeserted]), [[both, true], [gone, false], [all, false]])
  to.core.continueNumbers(state.lastNumber)
  // As where its principal is not known there any more.
  to.pipeline.arrive({ ...state, sessions: state.sessions.filter(({ number }) => number !== second!.connection.number) }, nobody)
  const open = to.core.directory.number(asking!.connection.number)!.openRequests!
  t.deepEqual([both, gone, all].map(id => open.get(id)!.isDeserted), [true, true, false])
})

test('departing: an ack that the store has not answered is waited for; where it takes too long its client is told so where it goes', async t => {
  const { rig: from, put, lease } = await setUp()
  const consumer = from.native({ moves: true })
  consume(consumer)
  await put(2)
  lease([1, 2])
  consumer.frames()
  consumer.control(Kind.settle, NUMBER, { ack: [1, 1] })
  from.turn()
  t.is(from.core.unanswered.size, 1)
  await from.settle()
  t.is(from.core.unanswered.size, 0)
  t.deepEqual(consumer.frames().map(({ kind }) => kind), [Kind.ok])
  from.pipeline.departing.tell(undefined)
  const offer = offerTo(consumer)
  confirm(from, consumer)
  const ref = consumer.control(Kind.settle, NUMBER, { ack: [2, 1] })
  const state = handedOver(from)
  const to = new PipelineRig()
  to.core.continueNumbers(state.lastNumber)
  to.pipeline.arrive(state, nobody)
  t.deepEqual(come(to, offer, 0).frames.map(frame => [frame.kind, frame.ref, codeOf(frame)]), [[Kind.error, ref, 'connection.moving']])
})

test('departing: a subscription that other brokers have not confirmed is confirmed where it goes; a consumer is announced anew there', async t => {
  const { rig: from } = await setUp()
  const client = from.native({ moves: true })
  client.subscribe(1, 'old')
  client.frames()
  from.pipeline.departing.tell(undefined)
  const offer = offerTo(client)
  confirm(from, client)
  // Their servers do not answer.
  from.core.bus = { ...from.core.bus, settled() {} }
  const taken = client.control(Kind.unsubscribe, 1)
  const made = client.control(Kind.subscribe, 2, { pattern: 'new', group: 'workers' })
  client.control(Kind.subscribe, NUMBER, { pattern: QUEUE, consume: true })
  t.is(from.core.unanswered.size, 3)
  const state = handedOver(from)
  const to = new PipelineRig()
  to.core.continueNumbers(state.lastNumber)
  to.pipeline.arrive(state, nobody)
  const there = come(to, offer, 0)
  t.deepEqual(there.frames.map(({ kind, ref, body }) => [kind, ref, body]), [[Kind.ok, taken, { subscription: 1 }], [Kind.ok, made, { subscription: 2 }]])
  to.native().publish('new', Buffer.from('1'))
  to.turn()
  t.deepEqual(there.client.frames().map(({ ref, payload }) => [ref, Buffer.from(payload).toString()]), [[2, '1']], 'it is there as it was told')
})
