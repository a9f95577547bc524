import test from 'ava'
import { noDrops } from '../../broker/ground/fate.ts'
import type { BusGate } from '../../broker/ground/bus.ts'
import { controlAccount } from '../../broker/core.ts'
import { Slice } from '../../broker/ground/slice.ts'
import { linkDialect } from '../../broker/upstream/nats/link-dialect.ts'
import { decodeFrame, encodeFrame, type Frame } from '../../broker/wire/frame.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { frameEnd } from '../../broker/wire/regroup.ts'
import { LinkEvents, MemoryLink } from '../support/memory-link.ts'
import { come, confirm, handedOver, moving, nobody, offerTo } from '../support/moving-sessions.ts'
import { PipelineRig } from '../support/pipeline.ts'

test('departing: a session without a time to live goes to another process: subscriptions, what it missed, and the request that it answers there', async t => {
  const [from, to] = [new PipelineRig(), new PipelineRig()]
  const asking = from.native({ moves: true, client: 'asking' })
  const answering = from.native({ moves: true, client: 'answering' })
  answering.subscribe(1, 'work')
  answering.frames()
  from.pipeline.departing.tell(undefined)
  const offers = [offerTo(asking), offerTo(answering)]
  for (const client of [asking, answering]) confirm(from, client)
  await from.pipeline.departing.known(1000)
  const request = asking.send({ kind: Kind.request, subject: 'work', to: 5000 })
  from.turn()
  const [asked] = answering.frames()
  t.is(asked?.kind, Kind.request)
  const origin = asking.connection.number
  // Of the next one nobody knows whether it came.
  asking.publish('work', Buffer.from('late'))
  from.turn()
  const state = handedOver(from)
  t.deepEqual(state.requests.map(({ requester, responders, id }) => ({ requester, responders, id })), [{ requester: origin, responders: [answering.connection.number], id: request }])
  to.core.continueNumbers(state.lastNumber)
  t.is(to.pipeline.arrive(state, nobody), 2)
  const there = come(to, offers[1]!, 1)
  t.like(there.welcome, { resumed: true, moved: true, origin: answering.connection.number, client: 'answering' })
  t.deepEqual(there.frames.map(({ kind }) => kind), [Kind.publish], 'what it had got does not come again, what it had not does')
  there.client.send({ kind: Kind.response, to: origin, ref: request, subject: 'work' })
  to.turn()
  const back = come(to, offers[0]!, 0)
  t.like(back.welcome, { resumed: true, moved: true, lastId: asking.nextId - 1 })
  t.deepEqual(back.frames.map(({ kind, ref }) => [kind, ref]), [[Kind.response, request]])
  back.client.publish('work', Buffer.from('again'))
  to.turn()
  t.is(there.client.frames().filter(({ kind }) => kind === Kind.publish).length, 1, 'its subscription is there')
  t.is(to.core.accounts.totals().balanced, true)
})

test('departing: what comes while all is held is handled when it goes on here, once and in order', async t => {
  const rig = new PipelineRig()
  const [sender, reader] = [rig.native({ moves: true }), rig.native({ moves: true })]
  reader.subscribe(1, 'news')
  reader.frames()
  rig.pipeline.departing.tell(undefined)
  for (const client of [sender, reader]) {
    client.frames()
    confirm(rig, client)
  }
  await rig.pipeline.departing.known(1000)
  sender.publish('news', Buffer.from('1'))
  rig.turn()
  rig.pipeline.departing.hold([])
  sender.publish('news', Buffer.from('2'))
  rig.turn()
  const held = reader.frames().filter(({ kind }) => kind === Kind.publish)
  t.is(held.length, 1, 'nothing is routed while all is held')
  rig.pipeline.departing.goOn()
  sender.publish('news', Buffer.from('3'))
  rig.turn()
  const frames = reader.frames()
  t.deepEqual(frames.filter(({ kind }) => kind === Kind.publish).map(({ payload }) => Buffer.from(payload).toString()), ['2', '3'])
  t.deepEqual(frames.filter(({ kind }) => kind === Kind.moving).map(({ body }) => body), [{}], 'it is told that it stays')
  t.is(rig.core.accounts.totals().balanced, true)
})

// An upgrade that failed ended agents: pings sent before it, and those until they were back, counted as failed.
test('departing: where all goes on here, a ping of an agent that was sent before says nothing, nor does one until it is back', async t => {
  const rig = new PipelineRig()
  rig.core.registering.ownAgent = id => (id === 'lamp' ? { name: 'lamp', instance: 'lamp' } : undefined)
  const agent = rig.native({ moves: true, agent: 'lamp', client: 'lamp' })
  const before = rig.core.sightOf('lamp')
  t.not(before, undefined)
  rig.pipeline.departing.tell(undefined)
  t.is(rig.core.sightOf('lamp'), undefined)
  const offer = offerTo(agent)
  confirm(rig, agent)
  await rig.pipeline.departing.known(1000)
  rig.pipeline.departing.hold([])
  agent.link.hangUp()
  rig.turn()
  rig.pipeline.departing.goOn()
  t.true(agent.connection.isExpected)
  t.is(rig.core.pingAgent('lamp', () => t.fail()), undefined)
  t.is(rig.core.sightOf('lamp'), undefined)
  t.like(come(rig, offer, 0).welcome, { resumed: true })
  const after = rig.core.sightOf('lamp')
  t.not(after, undefined)
  t.not(after, before)
})

test('departing: who does not read `moving`, and who does not confirm it in time, is not among those that move', async t => {
  const rig = new PipelineRig()
  const [old, slow, ready] = [rig.native(), rig.native({ moves: true }), rig.native({ moves: true })]
  rig.pipeline.departing.tell(undefined)
  confirm(rig, ready)
  const known = rig.pipeline.departing.known(1000)
  await rig.clock.advance(1100)
  await known
  t.deepEqual(handedOver(rig).sessions.map(({ number }) => number), [ready.connection.number])
  t.false(old.frames().some(({ kind }) => kind === Kind.moving))
  t.true(slow.frames().some(({ kind }) => kind === Kind.moving))
})

test('departing: a session whose client does not come in time is over, and its request ends', async t => {
  const [from, to] = [new PipelineRig(), new PipelineRig()]
  const [asking, answering] = [from.native({ moves: true }), from.native({ moves: true })]
  answering.subscribe(1, 'work')
  answering.frames()
  from.pipeline.departing.tell(undefined)
  const offer = offerTo(asking)
  for (const client of [asking, answering]) confirm(from, client)
  await from.pipeline.departing.known(1000)
  asking.send({ kind: Kind.request, subject: 'work', to: 60_000 })
  from.turn()
  const state = handedOver(from)
  to.core.continueNumbers(state.lastNumber)
  to.pipeline.arrive(state, nobody)
  const { client } = come(to, offer, 0)
  await to.clock.advance(11_000)
  to.turn()
  const errors = client.frames().filter(({ kind }) => kind === Kind.error)
  t.deepEqual(errors.map(({ body }) => (body as { code: string }).code), ['request.responder_gone'])
  t.is(to.core.directory.size, 1)
})

// The second welcome said `resumed` alone: consumers of queues stayed announced at nobody, for ever.
test('departing: a client whose link breaks before it has read the welcome is told again that it has moved, until something it sent has come', async t => {
  const [from, to] = [new PipelineRig(), new PipelineRig()]
  const before = from.native({ moves: true, sessionTtlMs: 5000 })
  from.pipeline.departing.tell(undefined)
  const offer = offerTo(before)
  confirm(from, before)
  await from.pipeline.departing.known(1000)
  const state = handedOver(from)
  to.core.continueNumbers(state.lastNumber)
  to.pipeline.arrive(state, nobody)
  const unread = come(to, offer, 0)
  t.like(unread.welcome, { resumed: true, moved: true })
  unread.client.link.hangUp()
  to.turn()
  const second = come(to, offer, 0)
  t.like(second.welcome, { resumed: true, moved: true, lastId: unread.welcome['lastId'] })
  // The broker has not noticed that the link is dead.
  const third = come(to, offer, 0)
  t.like(third.welcome, { resumed: true, moved: true })
  third.client.publish('news')
  to.turn()
  third.client.link.hangUp()
  to.turn()
  const { welcome } = come(to, offer, 0)
  t.like(welcome, { resumed: true, lastId: third.client.nextId - 1 })
  t.false('moved' in welcome)
})

test('departing: what an instance says itself and what an admin holds it for come over apart, also of one that is not there', t => {
  const [from, to] = [new PipelineRig(), new PipelineRig()]
  const serving = from.native({ moves: true, client: 'a', register: { name: 'weather' } })
  serving.frames()
  from.core.registry.instance('weather', 'a')!.observe('draining')
  const gone = from.native({ client: 'b', register: { name: 'weather' } })
  from.core.registry.instance('weather', 'b')!.observe('unhealthy')
  gone.link.hangUp()
  from.pipeline.departing.tell(undefined)
  confirm(from, serving)
  to.pipeline.arrive(handedOver(from), nobody)
  const health = (id: string): string => to.core.registry.instance('weather', id)!.info.health
  t.is(health('a'), 'draining')
  to.core.registry.instance('weather', 'a')!.observe(undefined)
  t.is(health('a'), 'healthy', 'it never said anything else')
  to.native({ client: 'b', register: { name: 'weather' } })
  t.is(health('b'), 'unhealthy')
})

test('departing: what waits keeps its time to live on the way, and what has expired there is told of', async t => {
  const [from, to] = [new PipelineRig(), new PipelineRig()]
  const [sending, slow] = await moving(from, 2)
  slow!.client.subscribe(1, 'news')
  slow!.client.frames()
  slow!.client.link.kernelBytes = 0
  const send = (text: string, ttl?: number): void => {
    sending!.client.send({ kind: Kind.publish, subject: 'news', payload: Buffer.from(text), ...(ttl === undefined ? {} : { flags: Flag.headers, headers: { ttl } }) })
    from.turn()
  }
  // The first is on its way when all is held: whether it came only its client knows.
  send('flying', 1000)
  send('short', 1000)
  send('long', 60_000)
  send('lasting')
  await from.clock.advance(400)
  const state = handedOver(from)
  to.core.continueNumbers(state.lastNumber)
  to.pipeline.arrive(state, nobody)
  await to.advance(599)
  t.deepEqual(state.sessions.at(-1)!.waiting.map(({ leftMs }) => leftMs), [undefined, 600, 59_600, undefined])
  await to.advance(2)
  const { frames } = come(to, slow!.offer, 1)
  t.deepEqual(frames.filter(({ kind }) => kind === Kind.publish).map(({ payload }) => Buffer.from(payload).toString()), ['flying', 'long', 'lasting'])
  t.deepEqual(frames.filter(({ kind }) => kind === Kind.gap).map(({ body }) => body), [{ reason: 'expired', count: 1, ranges: [], more: false }])
})

test('departing: what waited for those who moved counts as forwarded here, not as dropped, and they are counted as ending until they are gone', async t => {
  const rig = new PipelineRig()
  const [sending, slow] = await moving(rig, 2)
  slow!.client.subscribe(1, 'news')
  slow!.client.frames()
  slow!.client.link.kernelBytes = 0
  for (let i = 0; i < 3; i++) {
    sending!.client.publish('news')
    rig.turn()
  }
  handedOver(rig)
  rig.pipeline.departing.leave()
  t.is(rig.core.endingConnections, 2)
  slow!.client.link.destroy()
  rig.turn()
  t.is(rig.core.directory.size, 0)
  t.is(rig.core.endingConnections, 0)
  t.like(rig.core.accounts.totals(), { forwarded: 3, dropped: noDrops(), pending: 0, balanced: true })
})

test('departing: an open request is waited for whose requester does not move, unless it is the one who stays to the end', async t => {
  const rig = new PipelineRig()
  const [asker, staying] = [rig.native(), rig.json()]
  const answering = rig.native({ moves: true })
  answering.subscribe(1, 'work')
  rig.pipeline.departing.tell(asker.connection)
  confirm(rig, answering)
  await rig.pipeline.departing.known(1000)
  t.false(rig.pipeline.departing.hasForeignRequests)
  asker.send({ kind: Kind.request, subject: 'work', to: 5000 })
  rig.turn()
  t.false(rig.pipeline.departing.hasForeignRequests)
  staying.send({ type: 'request', subject: 'work', id: 'a', payload: 1 })
  rig.turn()
  t.true(rig.pipeline.departing.hasForeignRequests)
  for (const { kind, origin, id } of answering.frames()) if (kind === Kind.request) answering.send({ kind: Kind.response, to: origin, ref: id, subject: 'work' })
  rig.turn()
  t.false(rig.pipeline.departing.hasForeignRequests)
})

/** The connection to other brokers, by which the first `kernelBytes` leave. */
function joinOthers(rig: PipelineRig, kernelBytes: number, number?: number): { readonly gate: BusGate; readonly link: MemoryLink } {
  const link = new MemoryLink(new LinkEvents(), { address: 'nats', pid: undefined, uid: undefined, network: 'remote' })
  link.kernelBytes = kernelBytes
  const gate: BusGate = rig.pipeline.join(link, linkDialect(() => gate.number), number)
  return { gate, link }
}

function framesIn(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at < bytes.length; at = frameEnd(bytes, at)) frames.push(decodeFrame(bytes, at, frameEnd(bytes, at)))
  return frames
}

const publish = (subject: string): Slice => {
  const bytes = encodeFrame({ kind: Kind.publish, origin: 1, id: 1, subject })
  return new Slice(bytes, 0, bytes.length, 1, controlAccount)
}

test('departing: the connection to other brokers goes along, with the requests from beyond that are open and what has not left; what is on its way is not sent again', t => {
  const [from, to] = [new PipelineRig(), new PipelineRig()]
  const { gate } = joinOthers(from, 0)
  const answering = from.native({ moves: true })
  answering.subscribe(1, 'work')
  answering.frames()
  const id = gate.nextId()
  gate.arrived(encodeFrame({ kind: Kind.request, flags: Flag.many, origin: gate.number, id, to: 5000, subject: 'work' }))
  t.is(answering.frames()[0]?.kind, Kind.request)
  gate.sink.deliver(publish('flying'))
  from.turn()
  gate.sink.deliver(publish('waiting'))
  from.pipeline.departing.tell(undefined)
  const offer = offerTo(answering)
  confirm(from, answering)
  t.false(from.pipeline.departing.hasForeignRequests)
  const link = { inbox: '_INBOX.x', asked: [], only: 'cb-x', mark: 'b 1 1', instance: 'y' }
  const state = structuredClone(from.pipeline.departing.hold([], link))
  t.deepEqual(state.sessions.map(({ number }) => number), [answering.connection.number])
  t.like(state.bus, { number: gate.number, lastId: id, link })
  t.deepEqual(state.bus!.waiting.flatMap(({ bytes }) => framesIn(bytes)).map(({ subject }) => subject), ['waiting'])
  const before = from.core.accounts.totals()
  from.pipeline.departing.leave()
  t.is(from.core.busConnection!.outbound.unwritten.slices.length, 1, 'only what is on its way is left')
  t.true(from.core.accounts.totals().balanced && before.balanced)

  to.core.continueNumbers(state.lastNumber)
  const joined = joinOthers(to, Infinity, state.bus!.number)
  to.pipeline.arrive(state, nobody)
  const { client } = come(to, offer, 1)
  client.send({ kind: Kind.response, to: gate.number, ref: id, subject: 'work' })
  to.turn()
  t.deepEqual(framesIn(joined.link.read()).map(({ kind, ref, subject }) => [kind, kind === Kind.publish ? subject : ref]), [[Kind.publish, 'waiting'], [Kind.response, id], [Kind.end, id]])
  t.true(joined.gate.nextId() > id)
})
