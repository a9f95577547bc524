import test from 'ava'
import { Flag, Kind, Offset } from '../../broker/wire/layout.ts'
import { codeOf, type NativeClient, type ReceivedFrame } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'

interface Setup {
  readonly rig: PipelineRig
  readonly asker: NativeClient
  readonly responders: NativeClient[]
}

/** A requester, and responders that subscribe to `work`. */
function setUp(count: number, options: { group?: string } = {}): Setup {
  const rig = new PipelineRig({ ipc: { timeoutMs: 700, limits: { maxOpenRequests: 3 } } })
  const responders = Array.from({ length: count }, () => {
    const client = rig.native()
    client.subscribe(1, 'work', options)
    client.frames()
    return client
  })
  return { rig, asker: rig.native(), responders }
}

function answer(responder: NativeClient, { origin, id, subject }: ReceivedFrame, kind: number = Kind.response): number {
  return responder.send({ kind, to: origin, ref: id, subject, payload: Uint8Array.of(responder.connection.number) })
}

function ask(asker: NativeClient, more: { flags?: number; to?: number; subject?: string } = {}): number {
  return asker.send({ kind: Kind.request, subject: 'work', ...more })
}

test('requests: every responder is asked, the first answer wins, the late one is refused', t => {
  const { rig, asker, responders: [one, two] } = setUp(2)
  const id = ask(asker)
  const [first] = one!.messages()
  const [second] = two!.messages()
  t.deepEqual([first!.origin, first!.id, first!.to], [asker.connection.number, id, 700])
  answer(two!, second!)
  const [response] = asker.frames()
  t.deepEqual([response!.kind, response!.ref, response!.origin, [...response!.payload]], [Kind.response, id, two!.connection.number, [two!.connection.number]])
  t.deepEqual(one!.frames().map(({ kind, to, ref }) => [kind, to, ref]), [[Kind.cancel, asker.connection.number, id]])
  const late = answer(one!, first!)
  const [refusal] = one!.frames()
  t.deepEqual([codeOf(refusal!), refusal!.ref], ['request.not_open', late])
  t.deepEqual([asker.frames().length, rig.pipeline.openRequests], [0, 0])
})

test('requests: parts stream from one responder, a response ends them', t => {
  const { rig, asker, responders: [one, two] } = setUp(2)
  const id = ask(asker)
  const [asked] = one!.messages()
  answer(one!, asked!, Kind.part)
  t.deepEqual(two!.frames().map(({ kind }) => kind), [Kind.request, Kind.cancel], 'from the first part on it belongs to one')
  answer(one!, asked!, Kind.part)
  answer(one!, asked!)
  t.deepEqual(asker.frames().map(({ kind, ref }) => [kind, ref]), [[Kind.part, id], [Kind.part, id], [Kind.response, id]])
  t.is(rig.pipeline.openRequests, 0)
})

test('requests: with the flag many all answers pass, then the end', t => {
  const { asker, responders } = setUp(3)
  const id = ask(asker, { flags: Flag.many })
  for (const responder of responders) answer(responder, responder.messages()[0]!)
  const frames = asker.frames()
  t.deepEqual(frames.map(({ kind, ref }) => [kind, ref]), [[Kind.response, id], [Kind.response, id], [Kind.response, id], [Kind.end, id]])
  t.deepEqual(frames[3]!.body, { responses: 3, reason: 'complete' })
})

test('requests: many that are not all answered in time end with what came', async t => {
  const { rig, asker, responders } = setUp(2)
  ask(asker, { flags: Flag.many })
  answer(responders[0]!, responders[0]!.messages()[0]!)
  await rig.advance(720)
  t.deepEqual(asker.frames().at(-1)!.body, { responses: 1, reason: 'timeout' })
  ask(asker, { flags: Flag.many })
  await rig.advance(720)
  t.is(codeOf(asker.frames().at(-1)!), 'request.timeout')
})

test('requests: nobody there, time up and a responder that leaves are each told at once', async t => {
  const { rig, asker, responders: [one] } = setUp(1)
  ask(asker, { subject: 'nobody' })
  t.is(codeOf(asker.frames()[0]!), 'request.no_responders')
  const id = ask(asker, { to: 100 })
  await rig.advance(80)
  t.deepEqual(asker.frames(), [])
  await rig.advance(50)
  const [timeout] = asker.frames()
  t.deepEqual([codeOf(timeout!), timeout!.ref, timeout!.subject], ['request.timeout', id, 'work'])
  t.deepEqual(one!.frames().map(({ kind }) => kind), [Kind.request, Kind.cancel])
  ask(asker)
  one!.link.hangUp()
  t.is(codeOf(asker.frames()[0]!), 'request.responder_gone')
  t.is(rig.pipeline.openRequests, 0)
})

test('requests: a cancel reaches the responder, and frees the request', t => {
  const { rig, asker, responders: [one] } = setUp(1)
  const id = ask(asker)
  asker.control(Kind.cancel, id)
  t.deepEqual(one!.frames().map(({ kind, ref }) => [kind, ref]), [[Kind.request, 0], [Kind.cancel, id]])
  t.deepEqual([asker.frames(), rig.pipeline.openRequests], [[], 0])
})

test('requests: who was not asked may not answer', t => {
  const { rig, asker } = setUp(1)
  const stranger = rig.native()
  const id = ask(asker)
  stranger.send({ kind: Kind.response, to: asker.connection.number, ref: id, subject: 'work' })
  t.is(codeOf(stranger.frames()[0]!), 'request.not_open')
  t.deepEqual(asker.frames(), [])
})

test('requests: an answer repeats the request\'s subject or leaves it out; anything else is refused', t => {
  const { rig, asker, responders: [one] } = setUp(1)
  ask(asker)
  const [asked] = one!.messages()
  one!.send({ kind: Kind.part, to: asked!.origin, ref: asked!.id, subject: 'walk' })
  t.is(codeOf(one!.frames()[0]!), 'frame.malformed')
  // Bytes that are no UTF-8 would have cost the requester its connection.
  const bad = one!.frame({ kind: Kind.part, to: asked!.origin, ref: asked!.id, subject: 'work' })
  bad[Offset.longSubject] = 0xff
  one!.link.arrive(bad)
  t.is(codeOf(one!.frames()[0]!), 'frame.malformed')
  one!.send({ kind: Kind.response, to: asked!.origin, ref: asked!.id, subject: '' })
  t.deepEqual(asker.frames().map(({ kind }) => kind), [Kind.response])
  t.true(rig.core.accounts.totals().balanced)
})

test('requests: one member of a group is asked, with its subscription\'s number', t => {
  const { asker, responders } = setUp(2, { group: 'g' })
  for (let i = 0; i < 4; i++) ask(asker, { flags: i % 2 === 0 ? 0 : Flag.receipt })
  const asked = responders.map(responder => responder.messages())
  // The fourth is past the limit of three open requests.
  t.deepEqual(asked.map(({ length }) => length), [2, 1])
  t.true(asked.flat().every(({ kind, ref, flags }) => kind === Kind.request && ref === 1 && (flags & Flag.grouped) !== 0))
})

test('requests: past the limit a request is refused, without a receipt', t => {
  const { asker } = setUp(1)
  for (let i = 0; i < 3; i++) ask(asker)
  t.deepEqual(asker.frames(), [])
  ask(asker, { flags: Flag.receipt })
  const frames = asker.frames()
  t.deepEqual(frames.map(({ kind }) => kind), [Kind.error])
  t.is(codeOf(frames[0]!), 'request.limit')
})

test('requests: a receipt says how many were asked', t => {
  const { asker } = setUp(2)
  const id = ask(asker, { flags: Flag.receipt })
  const [receipt] = asker.frames()
  t.deepEqual([receipt!.kind, receipt!.ref, receipt!.body], [Kind.receipt, id, { receivers: 2 }])
})

test('requests: a requester that leaves takes its requests along', t => {
  const { rig, asker, responders: [one] } = setUp(1)
  ask(asker)
  asker.link.hangUp()
  rig.turn()
  t.deepEqual(one!.frames().map(({ kind }) => kind), [Kind.request, Kind.cancel])
  t.is(rig.pipeline.openRequests, 0)
  t.is(one!.connection.awaitedAnswers, 0)
})
