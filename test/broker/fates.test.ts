import test from 'ava'
import { encode } from '@msgpack/msgpack'
import type { TraceEntry } from '../../broker/ground/trace-api.ts'
import type { Overflow } from '../../broker/ground/settings.ts'
import { Trace } from '../../broker/trace.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { NativeClient } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'

const LIMIT = 128 * 1024

function rigWith(overflow: Overflow = 'disconnect'): { rig: PipelineRig; trace: Trace } {
  const rig = new PipelineRig({ ipc: { limits: { maxPendingBytes: LIMIT, stallMs: 200, overflow } } })
  return { rig, trace: new Trace(rig.core) }
}

function subscriber(rig: PipelineRig, pattern: string, options: { group?: string } = {}): NativeClient {
  const client = rig.native()
  client.subscribe(1, pattern, options)
  client.frames()
  return client
}

const fates = ({ deliveries }: TraceEntry): string[] => deliveries!.map(({ fate }) => fate)
const idOf = (client: NativeClient, id: number): string => `${client.connection.number}.${id}`

test('fates: each receiver of a message is named with what became of it there', async t => {
  const { rig, trace } = rigWith()
  const [reads, waits, leaves] = [subscriber(rig, 'a'), subscriber(rig, 'a'), subscriber(rig, 'a')]
  const sender = rig.native()
  for (const client of [waits, leaves]) client.link.kernelBytes = 0
  const id = sender.publish('a')
  rig.turn()
  reads.frames()
  leaves.link.hangUp()
  await rig.advance(1)
  const [entry, ...others] = (await trace.show({ limit: 1, messageId: idOf(sender, id) })).entries
  t.deepEqual(others, [])
  t.deepEqual(entry!.deliveries!.map(({ connection, fate }) => [connection, fate]), [
    [reads.connection.id, 'written'],
    [waits.connection.id, 'pending'],
    [leaves.connection.id, 'dropped(actor-gone)'],
  ])
  t.is(entry!.fate, 'mixed')
  t.is(entry!.steps.written, undefined, 'one still waits')
  waits.link.kernelBytes = Infinity
  await rig.clock.advance(30)
  waits.frames()
  const [later] = (await trace.show({ limit: 1, messageId: `testhome.1.${idOf(sender, id)}` })).entries
  t.deepEqual(fates(later!), ['written', 'written', 'dropped(actor-gone)'])
  const [first, second] = later!.deliveries!
  t.true(second!.written! - first!.written! >= 30_000, 'taken later, and said so')
  t.is(later!.steps.written, second!.written)
  t.deepEqual((await trace.show({ limit: 9, slowMs: 20 })).entries.map(entry_ => entry_.id), [id])
})

test('fates: what a policy dropped is told for each message, whatever was written after it', async t => {
  for (const overflow of ['drop-oldest', 'drop-newest'] as const) {
    const { rig, trace } = rigWith(overflow)
    const receiver = subscriber(rig, 'a')
    const sender = rig.native()
    const other = subscriber(rig, 'a')
    receiver.link.kernelBytes = 0
    const first = sender.nextId
    for (let i = 0; i < 300; i++) {
      sender.publish('a', new Uint8Array(700))
      rig.turn()
      await rig.clock.advance(sender.link.isPaused ? 210 : 1)
      rig.turn()
    }
    receiver.link.kernelBytes = Infinity
    const got = new Set(receiver.messages().map(({ id }) => id))
    other.frames()
    t.true(got.size < 300)
    for (let id = first; id < first + 300; id++) {
      const [entry] = (await trace.show({ limit: 1, messageId: idOf(sender, id) })).entries
      t.deepEqual(fates(entry!), [got.has(id) ? 'written' : 'dropped(overflow)', 'written'], `${overflow} ${id}`)
    }
    t.is((await trace.show({ limit: 10_000, dropped: true })).entries.length, 300 - got.size)
  }
})

test('fates: a slow consumer that was ended has lost what it had not taken', async t => {
  const { rig, trace } = rigWith()
  const receiver = subscriber(rig, 'a')
  const sender = rig.native()
  const before = sender.publish('a')
  rig.turn()
  receiver.link.kernelBytes = 0
  while (!sender.link.isPaused) sender.publish('a', new Uint8Array(2000))
  const last = sender.nextId - 1
  rig.turn()
  await rig.advance(220)
  await rig.advance(1100)
  t.is(receiver.connection.state, 'gone')
  const fate = async (id: number): Promise<string> => fates((await trace.show({ limit: 1, messageId: idOf(sender, id) })).entries[0]!)[0]!
  t.is(await fate(before), 'written')
  t.is(await fate(last), 'dropped(slow-consumer)')
})

test('fates: groups, requests and their answers are told message by message', async t => {
  const { rig, trace } = rigWith()
  const members = [subscriber(rig, 'work', { group: 'g' }), subscriber(rig, 'work', { group: 'g' })]
  const requester = rig.native()
  const id = requester.send({ kind: Kind.request, subject: 'work', headers: { mid: 'msg-123' }, payload: encode(1) })
  rig.turn()
  const [responder] = members.filter(member => member.messages().length > 0)
  responder!.send({ kind: Kind.part, to: requester.connection.number, ref: id, subject: 'work', payload: encode(2) })
  responder!.send({ kind: Kind.response, to: requester.connection.number, ref: id, subject: 'work', payload: encode(3) })
  rig.turn()
  requester.frames()
  for (const messageId of ['msg-123', idOf(requester, id)]) {
    const { entries } = await trace.show({ limit: 1, messageId })
    t.deepEqual(entries.map(({ kind }) => kind), ['request', 'part', 'response'])
    t.is(entries[0]!.mid, 'msg-123')
    t.deepEqual(entries[0]!.deliveries!.map(({ connection, fate }) => [connection, fate]), [[responder!.connection.id, 'written']])
    for (const answer of entries.slice(1)) {
      t.deepEqual(answer.answers, { origin: requester.connection.number, id })
      t.deepEqual(answer.deliveries!.map(({ connection, fate }) => [connection, fate]), [[requester.connection.id, 'written']])
    }
  }
})

test('fates: nobody there, and what was refused, are found too', async t => {
  const { rig, trace } = rigWith()
  rig.addPrincipal({ name: 'mouse', publish: { allow: ['small.>'], deny: [] } }, 'cheese')
  const mouse = rig.native({ principal: 'mouse', auth: { token: 'cheese' } })
  const lonely = mouse.publish('small.thing')
  const refused = mouse.publish('large.thing')
  rig.turn()
  t.is((await trace.show({ limit: 1, messageId: idOf(mouse, lonely) })).entries[0]!.fate, 'dropped(no-interest)')
  t.is((await trace.show({ limit: 1, messageId: idOf(mouse, refused) })).entries[0]!.fate, 'rejected(permission.denied)')
  t.deepEqual((await trace.show({ limit: 9, dropped: true })).entries.map(({ fate }) => fate), ['dropped(no-interest)', 'rejected(permission.denied)'])
  t.deepEqual((await trace.show({ limit: 1, messageId: 'msg-404' })).entries, [])
  t.deepEqual((await trace.show({ limit: 1, messageId: 'otherhome.1.1.1' })).entries, [])
})

test('fates: a sender that gets its own messages, and one that does not', async t => {
  const { rig, trace } = rigWith()
  const other = subscriber(rig, 'a')
  const [echoes, mute] = [rig.native(), rig.native({ echo: false })]
  for (const client of [echoes, mute]) client.subscribe(1, 'a')
  rig.turn()
  const receivers = async (client: NativeClient): Promise<string[]> => {
    const id = client.publish('a')
    rig.turn()
    return (await trace.show({ limit: 1, messageId: idOf(client, id) })).entries[0]!.deliveries!.map(({ connection }) => connection)
  }
  t.deepEqual((await receivers(echoes)).toSorted(), [other, echoes, mute].map(({ connection }) => connection.id).toSorted())
  t.deepEqual((await receivers(mute)).toSorted(), [other, echoes].map(({ connection }) => connection.id).toSorted())
})

test('fates: a question over a full recorder lets others have their turn', async t => {
  const { rig, trace } = rigWith()
  for (let n = 0; n < 12; n++) subscriber(rig, 'a')
  const sender = rig.native()
  const hadTurn = async (): Promise<boolean> => {
    let was = false
    setImmediate(() => (was = true))
    t.deepEqual((await trace.show({ limit: 1, slowMs: 3_600_000 })).entries, [])
    return was
  }
  t.false(await hadTurn(), 'a short one is answered at once')
  for (let n = 0; n < 1024; n++) {
    sender.publish('a')
    rig.turn()
  }
  t.true(await hadTurn())
})
