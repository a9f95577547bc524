import test from 'ava'
import { encode } from '@msgpack/msgpack'
import { Flag, Kind, PayloadType } from '../../broker/wire/layout.ts'
import { settle } from '../support/fake-clock.ts'
import type { NativeClient } from '../support/memory-client.ts'
import { rigWithView } from '../support/pipeline-view.ts'

type Answer = Readonly<Record<string, unknown>>

/** Calls a method as a client does; resolves to the answer's body, or to the error's. */
async function call(client: NativeClient, method: string, params?: unknown): Promise<Answer> {
  const id = client.send({ kind: Kind.request, subject: `$CB.api.${method}`, ...(params === undefined ? {} : { payload: encode(params), flags: PayloadType.msgpack }) })
  await settle()
  const frame = client.frames().find(({ ref }) => ref === id)
  return frame!.body as Answer
}

/** What a value is made of: `{now: number}`. Lists show their first element. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])]
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shape(each)]))
}

const channelShape = { name: 'string', mode: 'string', direction: 'string', predefined: 'boolean', createdAt: 'number', accepted: 'number', delivered: 'number', dropped: 'number', pending: 'number', subscribers: 'number' }
const agentShape = { name: 'string', agent: 'string', instance: 'number', phase: 'string', pid: 'number', incarnation: 'number', restarts: 'number', ageMs: 'number' }
const leaseShape = { name: 'string', token: 'number', ttlMs: 'number', heldMs: 'number' }
const percentiles = { p50: 'number', p95: 'number', p99: 'number', max: 'number' }
const dropped = { 'no-interest': 'number', overflow: 'number', expired: 'number', 'slow-consumer': 'number', 'link-down': 'number', 'link-unknown': 'number', 'not-stored': 'number', 'actor-gone': 'number' }
const counts = { accepted: 'number', deliveries: 'number', written: 'number', forwarded: 'number', stored: 'number', pending: 'number', rejected: 'number', duplicates: 'number', dropped }

test('api: every method answers in the shape of its contract', async t => {
  const rig = rigWithView()
  await rig.core.leases.tryAcquire('a', 1000)
  const client = rig.native({ program: 'tool', agent: 'a' }, { pid: 4, uid: process.getuid?.() })
  client.subscribe(1, 'events.>')
  client.publish('events.x')
  const shapes: [string, unknown, unknown][] = [
    ['ping', {}, { now: 'number' }],
    ['status', {}, {
      broker: 'string', incarnation: 'number', version: 'string', pid: 'number', phase: 'string', uptimeMs: 'number', home: 'string', socket: 'string', leases: [leaseShape], connections: 'number', channels: 'number', agents: 'number',
      rssBytes: 'number', heapBytes: 'number', cpuSeconds: 'number', host: { name: 'string', loadAverage: ['number'], memoryBytes: 'number', freeMemoryBytes: 'number', cpus: 'number' },
    }],
    ['tree', {}, { id: 'string', kind: 'string', phase: 'string', incarnation: 'number', restarts: 'number', ageMs: 'number', mailbox: 'number', detail: 'string', children: [] }],
    ['connections', {}, { connections: [{
      id: 'string', client: 'string', principal: 'string', roles: ['string'], program: 'string', agent: 'string', transport: 'string', dialect: 'string', flow: { overflow: 'string', maxPendingBytes: 'number' }, phase: 'string', address: 'string', pid: 'number', uid: 'number', ageMs: 'number', subscriptions: 'number',
      in: { messages: 'number', bytes: 'number' }, out: { messages: 'number', bytes: 'number', pendingMessages: 'number', pendingBytes: 'number' }, dropped: 'number', openRequests: 'number', stalled: 'boolean',
    }] }],
    ['channel.list', {}, { channels: [channelShape] }],
    ['channel.show', { name: 'events' }, channelShape],
    ['channel.create', { name: 'mine', mode: 'broadcast' }, channelShape],
    ['channel.delete', { name: 'mine' }, channelShape],
    ['stats', {}, { ...counts, balanced: 'boolean', channels: [{ name: 'string', ...counts }] }],
    ['latency', {}, { delivery: { count: 'number', ...percentiles }, eventLoop: percentiles }],
    ['latency', { percentiles: [50, 99.9] }, { delivery: { count: 'number', ...percentiles, at: [{ percentile: 'number', ms: 'number' }] }, eventLoop: { ...percentiles, at: [{ percentile: 'number', ms: 'number' }] } }],
    ['history', { periodMs: 60_000, metrics: ['messages_accepted'], points: 2 }, { coversMs: 'number', resolutionMs: 'number', series: [{ name: 'string', kind: 'string', value: 'number', rate: 'number', points: ['number'] }] }],
    ['history', { metrics: ['connections'] }, { coversMs: 'number', resolutionMs: 'number', series: [{ name: 'string', kind: 'string', value: 'number', peak: 'number', points: ['number'] }] }],
    ['health', {}, { state: 'string', parts: [{ part: 'string', state: 'string', text: 'string', values: { upMs: 'number' } }] }],
    ['trace.enable', {}, { enabled: 'boolean' }],
    ['trace.show', { channel: 'events', limit: 1 }, { entries: [{ seq: 'number', time: 'number', origin: 'number', sender: 'string', id: 'number', kind: 'string', subject: 'string', count: 'number', bytes: 'number', receivers: 'number', fate: 'string', steps: { authorised: 'number', routed: 'number', written: 'number' } }], from: 'number', to: 'number', coversMs: 'number', enabled: 'boolean' }],
    ['trace.disable', {}, { enabled: 'boolean' }],
    ['leases', {}, { leases: [leaseShape] }],
    ['agents', {}, { agents: [{ ...agentShape, cpuMs: 'number' }] }],
    ['agent.restart', { name: 'weather' }, agentShape],
    ['stop', {}, { pid: 'number' }],
  ]
  for (const [method, params, expected] of shapes) t.deepEqual(shape(await call(client, method, params)), expected, method)
})

test('api: metrics are numbers with names of letters and a unit', async t => {
  const metrics = await call(rigWithView().native(), 'metrics')
  t.true(Object.keys(metrics).length > 15)
  for (const [name, value] of Object.entries(metrics)) {
    t.regex(name, /^[a-z][a-z0-9_]*$/)
    t.true(Number.isFinite(value), name)
  }
  t.like(metrics, { connections: 1, channels: 5, deliveries_dropped_slow_consumer_total: 0, messages_accepted_total: 0 })
})

test('api: an unknown method is refused, with the nearest that there is', async t => {
  const client = rigWithView().native()
  t.like(await call(client, 'chanel.list'), { code: 'method.unknown', message: 'method.unknown: no method "chanel.list"; did you mean channel.list?' })
  t.like(await call(client, 'toString'), { code: 'method.unknown' })
  t.like(await call(client, '__proto__'), { code: 'method.unknown' })
})

test('api: params of the wrong type are named', async t => {
  const client = rigWithView().native()
  for (const [method, params] of [['channel.show', {}], ['channel.show', { name: 5 }], ['channel.create', { name: '' }], ['trace.show', { limit: 0 }], ['trace.show', { after: -2 }], ['connections', []], ['connection.kill', { id: 'nobody' }], ['ping', 'x'], ['latency', { percentiles: [101] }], ['latency', { percentiles: 50 }], ['history', { periodMs: 5 }], ['history', { metrics: ['nonsense'] }], ['trace.show', { slowMs: -1 }], ['trace.show', { dropped: 'yes' }]] as const) {
    t.like(await call(client, method, params), { code: 'method.bad_params' }, `${method} ${JSON.stringify(params)}`)
  }
  client.send({ kind: Kind.request, subject: '$CB.api.ping', payload: Uint8Array.of(0xc1), flags: PayloadType.msgpack })
  await settle()
  t.like(client.frames()[0]!.body, { code: 'payload.malformed' })
})

test('api: what changes the broker is for admins', async t => {
  const rig = rigWithView()
  rig.addPrincipal({ name: 'guest' }, 'guest-token')
  const guest = rig.native({ principal: 'guest', auth: { token: 'guest-token' } })
  for (const method of ['channel.create', 'channel.delete', 'trace.enable', 'trace.disable', 'agent.restart', 'connection.kill', 'stop']) t.like(await call(guest, method, { name: 'x', id: 'x' }), { code: 'permission.denied' }, method)
  for (const method of ['ping', 'status', 'tree', 'connections', 'channel.list', 'stats', 'metrics', 'latency', 'history', 'health', 'trace.show', 'agents']) t.false('code' in (await call(guest, method)), method)
})

test('api: the answer comes in the type of the question', async t => {
  const rig = rigWithView()
  const client = rig.native()
  client.send({ kind: Kind.request, subject: '$CB.api.channel.show', payload: Buffer.from('{"name":"events"}'), flags: PayloadType.json })
  await settle()
  const [answer] = client.frames()
  t.is(answer!.flags & 3, PayloadType.json)
  t.like(JSON.parse(Buffer.from(answer!.payload).toString()), { name: 'events' })
  const json = rig.json()
  json.send({ type: 'request', id: 'p', subject: '$CB.api.ping' })
  await settle()
  t.like(json.lines()[0], { type: 'response', ref: 'p' })
})

test('api: channels are created, found and deleted; predefined ones stay', async t => {
  const rig = rigWithView()
  const client = rig.native()
  t.like(await call(client, 'channel.create', { name: 'mine' }), { name: 'mine', mode: 'pubsub', predefined: false })
  t.like(await call(client, 'channel.create', { name: 'mine' }), { code: 'channel.exists' })
  t.like(await call(client, 'channel.create', { name: 'other', mode: 'stack' }), { code: 'channel.invalid' })
  client.subscribe(1, 'mine.>')
  t.like(await call(client, 'channel.show', { name: 'mine' }), { subscribers: 1 })
  t.like(await call(client, 'channel.delete', { name: 'mine' }), { name: 'mine' })
  t.like(await call(client, 'channel.show', { name: 'mine' }), { code: 'channel.not_found' })
  t.like(await call(client, 'channel.delete', { name: 'events' }), { code: 'channel.predefined' })
})

test('api: a connection is killed by its id or its client id, and told so', async t => {
  const rig = rigWithView()
  const [admin, one, two] = [rig.native(), rig.native({ client: 'one' }), rig.native()]
  t.like(await call(admin, 'connection.kill', { id: 'one' }), { killed: one.connection.id })
  await call(admin, 'connection.kill', { id: two.connection.id })
  for (const client of [one, two]) t.like(client.frames().at(-1)!.body, { code: 'connection.killed' })
  t.is(rig.core.directory.size, 1)
})

test('api: a trace follows a channel, shows previews while enabled, and goes on from a position', async t => {
  const rig = rigWithView()
  const client = rig.native({ client: 'me' })
  client.publish('events.a')
  await call(client, 'trace.enable')
  client.send({ kind: Kind.publish, subject: 'events.b', payload: Buffer.from('hello'), flags: PayloadType.text })
  client.publish('eventsx')
  const trace = (await call(client, 'trace.show', { channel: 'events' })) as { entries: Answer[] }
  t.deepEqual(trace.entries.map(({ subject, preview, sender, fate, kind }) => [subject, preview, sender, fate, kind]), [
    ['events.a', undefined, 'me', 'dropped(no-interest)', 'publish'],
    ['events.b', 'hello', 'me', 'dropped(no-interest)', 'publish'],
  ])
  const rest = (await call(client, 'trace.show', { channel: 'events', after: trace.entries[0]!['seq'] })) as { entries: Answer[] }
  t.deepEqual(rest.entries.map(({ subject }) => subject), ['events.b'])
})

test('api: publishing to a method is refused, and no receipt says that it was taken', async t => {
  const client = rigWithView().native()
  const id = client.send({ kind: Kind.publish, subject: '$CB.api.ping', flags: Flag.receipt })
  await settle()
  t.deepEqual(client.frames().map(({ kind, ref, body }) => [kind, ref, (body as Answer)['code']]), [[Kind.error, id, 'frame.unsupported']])
})

test('api: publishing to a method is refused for each message of a run', async t => {
  const client = rigWithView().native()
  const first = client.nextId
  client.link.arrive(Buffer.concat([1, 2].map(() => client.frame({ kind: Kind.publish, subject: '$CB.api.ping' }))))
  await settle()
  const frames = client.frames()
  t.deepEqual(frames.map(({ ref, body }) => [ref, (body as Answer)['code']]), [[first, 'frame.unsupported'], [first + 1, 'frame.unsupported']])
})
