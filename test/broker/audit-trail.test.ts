import test from 'ava'
import { encode } from '@msgpack/msgpack'
import { BrokerError } from '../../broker/ground/errors.ts'
import { Kind, PayloadType } from '../../broker/wire/layout.ts'
import { settle } from '../support/fake-clock.ts'
import type { NativeClient } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'
import { rigWithView } from '../support/pipeline-view.ts'

const uid = process.getuid?.() ?? 0

test('audit trail: who is let in is written down once, and so is the end with its reason', t => {
  const rig = new PipelineRig()
  const client = rig.native({ client: 'lamp', program: 'lamp-daemon', agent: 'light' }, { address: '10.0.0.7:40112', pid: 12, uid })
  t.deepEqual(rig.audit.take(), [{ action: 'connection.admitted', who: 'owner', connection: 'conn-1', client: 'lamp', program: 'lamp-daemon', agent: 'light', dialect: 'native', address: '10.0.0.7:40112', pid: 12, uid }])
  client.publish('a.b')
  client.link.hangUp()
  rig.turn()
  const [ended, ...more] = rig.audit.take()
  t.deepEqual(more, [])
  t.like(ended, { action: 'connection.ended', who: 'owner', connection: 'conn-1', client: 'lamp', reason: 'connection.closed', received: 1 })
})

test('audit trail: an end by the broker names its reason', t => {
  const rig = new PipelineRig()
  rig.native({ client: 'lamp' })
  const second = rig.native({ client: 'lamp' })
  t.like(rig.audit.take().find(({ action }) => action === 'connection.ended'), { connection: 'conn-1', reason: 'session.taken_over' })
  second.link.arrive(new Uint8Array([0xff, 0xff, 0xff, 0xff]))
  rig.turn()
  t.like(rig.audit.take(), [{ action: 'connection.ended', connection: 'conn-2', reason: 'frame.too_large' }])
})

test('audit trail: who is refused is written down by address; what he calls himself only where it is a principal', t => {
  const rig = new PipelineRig()
  const say = (hello: object): void => {
    rig.link({ address: 'unix', pid: 5, uid }).control(Kind.hello, 0, hello)
    rig.turn()
  }
  say({ auth: { token: 'guess' } })
  say({ principal: 'owner-token', auth: { token: 'owner' } })
  say({})
  t.deepEqual(rig.audit.take(), [
    { action: 'connection.refused', who: 'unix', code: 'auth.failed', connection: 'conn-1', principal: 'owner', pid: 5, uid },
    { action: 'connection.refused', who: 'unix', code: 'auth.failed', connection: 'conn-2', pid: 5, uid },
    { action: 'connection.refused', who: 'unix', code: 'auth.required', connection: 'conn-3', pid: 5, uid },
  ])
})

test('audit trail: a link that never said anything leaves no entry, unless its time ran out', async t => {
  const rig = new PipelineRig()
  rig.link().link.hangUp()
  rig.link({ address: '127.0.0.1:1' })
  t.deepEqual(rig.audit.take(), [])
  await rig.advance(10_100)
  t.like(rig.audit.take(), [{ action: 'connection.refused', who: '127.0.0.1:1', code: 'handshake.timeout' }])
})

test('audit trail: one who proved himself and is refused all the same was never let in', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'other' }, 'other-token')
  rig.native({ client: 'lamp' })
  rig.audit.take()
  rig.link().control(Kind.hello, 0, { client: 'lamp', principal: 'other', auth: { token: 'other-token' } })
  rig.turn()
  t.like(rig.audit.take(), [{ action: 'connection.refused', who: 'memory', code: 'session.id_taken' }])
})

test('audit trail: links that are cut off at once are refusals too', t => {
  const rig = new PipelineRig({ maxConnections: 1 })
  const link = rig.native()
  rig.audit.take()
  for (let i = 0; i < 64; i++) rig.link({ address: `10.0.0.${i}:1` })
  t.throws(() => rig.link({ address: '10.0.1.1:1' }), { message: 'the link was cut off' })
  t.deepEqual(rig.audit.take(), [{ action: 'connection.refused', who: '10.0.1.1:1', code: 'connection.limit' }])
  t.true(link.connection.isReady)
})

test('audit trail: a storm is some lines and a count, and counts are written when the pipeline closes', async t => {
  const rig = new PipelineRig()
  const knock = (times: number): void => {
    for (let i = 0; i < times; i++) rig.link({ address: `10.0.0.7:${1000 + i}` }).control(Kind.hello, 0, {})
    rig.turn()
  }
  knock(40)
  t.is(rig.audit.take().length, 10)
  await rig.advance(60_100)
  t.deepEqual(rig.audit.take(), [{ action: 'connection.refused', who: '10.0.0.7', count: 30, codes: 'auth.required 30', periodMs: 60_000 }])
  knock(12)
  t.is(rig.audit.take().length, 10, 'the next minute begins anew')
  rig.pipeline.close()
  t.like(rig.audit.take(), [{ who: '10.0.0.7', count: 2 }])
})

// A fixed bug: without credentials anybody could fill the log of the broker, a line for each try.
test('audit trail: a storm is some lines in the log too, and of whom it knows every line is written', async t => {
  const rig = new PipelineRig()
  const refused = (): number => rig.log.records.filter(({ fields }) => fields['code'] === 'auth.required').length
  for (let i = 0; i < 40; i++) rig.link({ address: `10.0.0.7:${1000 + i}` }).control(Kind.hello, 0, {})
  rig.turn()
  t.is(refused(), 10)
  await rig.advance(60_100)
  t.is(rig.log.records.filter(({ text }) => text === '30 more were refused within a minute').length, 1)
  for (let i = 0; i < 12; i++) rig.pipeline.core.end(rig.native({ client: `guest-${i}` }).connection, new BrokerError('connection.killed'))
  t.is(rig.log.records.filter(({ fields }) => fields['code'] === 'connection.killed').length, 12)
})

async function call(client: NativeClient, method: string, params: object = {}): Promise<void> {
  client.send({ kind: Kind.request, subject: `$CB.api.${method}`, payload: encode(params), flags: PayloadType.msgpack })
  await settle()
  client.turn()
}

test('audit trail: what a client changes is written down with its name, what fails or only looks is not', async t => {
  const rig = rigWithView()
  const client = rig.native({ client: 'desk' })
  rig.native({ client: 'lamp' })
  rig.audit.take()
  for (const method of ['status', 'tree', 'connections', 'channel.list', 'stats', 'agents']) await call(client, method)
  await call(client, 'channel.create', { name: 'events' })
  await call(client, 'agent.restart', { name: 'nobody' })
  await call(client, 'connection.kill', { id: 'nobody' })
  t.deepEqual(rig.audit.take(), [])
  await call(client, 'channel.create', { name: 'mine' })
  await call(client, 'channel.delete', { name: 'mine' })
  await call(client, 'agent.restart', { name: 'weather' })
  await call(client, 'trace.enable')
  await call(client, 'trace.enable')
  await call(client, 'trace.disable')
  await call(client, 'connection.kill', { id: 'lamp' })
  const by = { who: 'owner', connection: 'conn-1', client: 'desk' }
  t.deepEqual(rig.audit.take().slice(0, 6), [
    { action: 'channel.created', ...by, channel: 'mine', mode: 'pubsub' },
    { action: 'channel.deleted', ...by, channel: 'mine' },
    { action: 'agent.restarted', ...by, agent: 'weather' },
    { action: 'tracing.changed', ...by, enabled: true },
    { action: 'tracing.changed', ...by, enabled: false },
    { action: 'connection.killed', ...by, killed: 'conn-2', killedClient: 'lamp' },
  ])
})
