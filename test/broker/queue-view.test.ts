import { encode } from '@msgpack/msgpack'
import test from 'ava'
import { View } from '../../broker/view.ts'
import type { QueueChange, QueueInfo, QueueInspection } from '../../broker/ground/queue-api.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Kind, PayloadType } from '../../broker/wire/layout.ts'
import type { NativeClient } from '../support/memory-client.ts'
import { hostOf } from '../support/pipeline-view.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'

function rigWithQueues(): QueuePipeline {
  const rig: QueuePipeline = new QueuePipeline({ view: pipeline => new View(pipeline, hostOf(() => rig)) })
  return rig
}

/** The answer of a method, or the body of its error. */
async function call<T = { readonly code?: string; readonly message?: string }>(rig: QueuePipeline, client: NativeClient, method: string, params: object = {}): Promise<T> {
  const ref = client.send({ kind: Kind.request, subject: `$CB.api.${method}`, flags: PayloadType.msgpack, payload: encode(params) })
  for (;;) {
    await rig.settle()
    const frame = client.frames().find(each => each.ref === ref)
    if (frame !== undefined) return frame.body as T
  }
}

const publish = async (rig: QueuePipeline, client: NativeClient, value: unknown, headers?: Record<string, unknown>): Promise<void> => {
  client.send({ kind: Kind.publish, subject: 'jobs.new', flags: PayloadType.msgpack, payload: encode(value), ...(headers && { headers }) })
  await rig.settle()
}

const deadLetter = (position: number, value: unknown) => ({
  position, state: 'dead' as const, attempts: 3, frame: encodeFrame({ kind: Kind.publish, subject: 'jobs.old', time: 1, flags: PayloadType.msgpack, payload: encode(value) }), storedAtMs: 1, dueAtMs: 0, expiresAtMs: 0, lastError: 'no such table',
  death: { reason: 'max-attempts' as const, atMs: 9, history: [{ attempt: 3, endedAtMs: 8, error: 'no such table' }] },
})

test('queue methods: list and show tell what each queue holds, how it is set and where it is kept', async t => {
  const rig = rigWithQueues()
  const client = rig.native()
  t.deepEqual(await call(rig, client, 'queue.list'), { queues: [], store: { backend: 'embedded' } } as never)
  await rig.openQueue('jobs', { maxMessages: 5 })
  await rig.openQueue('early')
  await publish(rig, client, { n: 1 })
  const { queues, store } = await call<{ queues: QueueInfo[]; store: object }>(rig, client, 'queue.list')
  t.deepEqual(queues.map(({ name, counts, isPaused }) => [name, counts?.ready, isPaused]), [['early', 0, false], ['jobs', 1, false]])
  t.like(store, { backend: 'memory', features: { durability: 'memory' } })
  t.like(await call<QueueInfo>(rig, client, 'queue.show', { name: 'jobs' }), { name: 'jobs', consumers: 0, settings: { maxMessages: 5 }, counts: { ready: 1 }, rates: { coversMs: 0 } })
  t.like(await call(rig, client, 'queue.show', { name: 'none' }), { code: 'channel.not_found' })
  t.like(await call(rig, client, 'queue.show', { name: 'events' }), { code: 'queue.not_a_queue' })
})

test('queue methods: a queue whose store is away says why, and the others still tell', async t => {
  const rig = rigWithQueues()
  const client = rig.native()
  await rig.openQueue('jobs')
  const queue = rig.core.queues.find('jobs')!
  queue.stored = undefined
  queue.problem = new BrokerError('store.failed', { backend: 'embedded', problem: 'the disk is gone' })
  const info = await call<QueueInfo>(rig, client, 'queue.show', { name: 'jobs' })
  t.is(info.problem?.code, 'store.failed')
  t.is(info.counts, undefined)
  t.like(await call(rig, client, 'queue.inspect', { name: 'jobs' }), { code: 'store.failed' })
})

test('queue methods: inspect shows messages in order, page by page, with as much of the payload as is asked for', async t => {
  const rig = rigWithQueues()
  const client = rig.native({ client: 'shop' })
  await rig.openQueue('jobs')
  for (let n = 1; n <= 3; n++) await publish(rig, client, { n, bulk: 'x'.repeat(300) }, { mid: `m${n}`, session: 's' })
  const first = await call<QueueInspection>(rig, client, 'queue.inspect', { name: 'jobs', limit: 2 })
  t.deepEqual(first.messages.map(({ position }) => position), [1, 2])
  t.is(first.next, 2)
  t.like(first.messages[0], { position: 1, state: 'ready', kind: 'publish', subject: 'jobs.new', sender: 'shop', attempts: 0, mid: 'm1', session: 's', storedAt: 1001 })
  t.is(first.messages[0]!.preview.length, 200)
  t.false('payload' in first.messages[0]!)
  const exact = await call<QueueInspection>(rig, client, 'queue.inspect', { name: 'jobs', limit: 3 })
  t.deepEqual([exact.messages.length, exact.next], [3, 0], 'nothing follows the last one')
  const filtered = await call<QueueInspection>(rig, client, 'queue.inspect', { name: 'jobs', limit: 1, filter: 'n>1' })
  t.deepEqual([filtered.messages.map(({ position }) => position), filtered.next], [[2], 2])
  const rest = await call<QueueInspection>(rig, client, 'queue.inspect', { name: 'jobs', after: first.next, payload: true })
  t.deepEqual([rest.messages.map(({ position }) => position), rest.next, rest.isCut], [[3], 0, false])
  t.deepEqual(rest.messages[0]!.payload, { n: 3, bulk: 'x'.repeat(300) })
})

test('queue methods: inspect passes a filter over payload and envelope', async t => {
  const rig = rigWithQueues()
  const client = rig.native({ client: 'shop' })
  await rig.openQueue('jobs')
  for (let n = 1; n <= 5; n++) await publish(rig, client, { n })
  const of = async (filter: string): Promise<number[]> => (await call<QueueInspection>(rig, client, 'queue.inspect', { name: 'jobs', filter })).messages.map(({ position }) => position)
  t.deepEqual(await of('n>3'), [4, 5])
  t.deepEqual(await of('@sender=shop && n=2'), [2])
  t.deepEqual(await of('@sender=nobody'), [])
  t.like(await call(rig, client, 'queue.inspect', { name: 'jobs', filter: 'n>' }), { code: 'filter.invalid' })
})

test('queue methods: a sender is not named by a number of an earlier incarnation', async t => {
  const rig = rigWithQueues()
  const client = rig.native({ client: 'shop' })
  const queue = await rig.openQueue('jobs')
  queue.dead.push(deadLetter(7, 1))
  const { messages } = await call<QueueInspection>(rig, client, 'queue.inspect', { name: 'jobs', which: 'dead' })
  t.false('sender' in messages[0]!)
  t.like(messages[0], { position: 7, lastError: 'no such table', death: { reason: 'max-attempts', at: 9, history: [{ attempt: 3, endedAtMs: 8, error: 'no such table' }] } })
})

test('queue methods: payloads that are too large together are left out, and that is said', async t => {
  const rig = rigWithQueues()
  const client = rig.native()
  await rig.openQueue('jobs')
  for (const characters of [600_000, 200_000, 200_000, 400_000]) await publish(rig, client, 'y'.repeat(characters))
  const shown = async (after: number): Promise<unknown> => {
    const { messages, isCut } = await call<QueueInspection>(rig, client, 'queue.inspect', { name: 'jobs', payload: true, after })
    return [messages.map(message => 'payload' in message), isCut]
  }
  t.deepEqual(await shown(0), [[true, false, false, false], true], 'the first is shown however large it is')
  t.deepEqual(await shown(1), [[true, true, false], true])
  t.deepEqual(await shown(3), [[true], false])
})

test('queue methods: replay and purge change what is named, and the audit log says who did', async t => {
  const rig = rigWithQueues()
  const client = rig.native({ client: 'desk' })
  const queue = await rig.openQueue('jobs')
  queue.dead.push(...[1, 2, 3, 4].map(n => deadLetter(n, { n })))
  for (let n = 1; n <= 3; n++) await publish(rig, client, { n })
  const change = (method: string, params: object): Promise<QueueChange> => call(rig, client, method, { name: 'jobs', ...params })
  t.deepEqual(await change('queue.replay', { positions: [2, 99] }), { changed: 1, next: 0 })
  t.deepEqual(await change('queue.replay', { filter: 'n>=4' }), { changed: 1, next: 0 })
  t.deepEqual(queue.dead.map(({ position }) => position), [1, 3])
  t.deepEqual(await change('queue.purge', { which: 'dead', all: true }), { changed: 2, next: 0 })
  t.deepEqual(await change('queue.purge', { filter: 'n=2' }), { changed: 1, next: 0 })
  t.deepEqual(queue.kept.map(({ position }) => position), [1, 3])
  t.deepEqual(await change('queue.purge', { filter: 'n=2' }), { changed: 0, next: 0 })
  const by = { who: 'owner', client: 'desk', queue: 'jobs' }
  t.deepEqual(
    rig.audit.entries.filter(({ action }) => action.startsWith('queue.')).map(({ connection: _, ...entry }) => entry),
    [
      { action: 'queue.replayed', ...by, which: 'dead', messages: 1, positions: 2 },
      { action: 'queue.replayed', ...by, which: 'dead', messages: 1, filter: 'n>=4' },
      { action: 'queue.purged', ...by, which: 'dead', messages: 2 },
      { action: 'queue.purged', ...by, which: 'waiting', messages: 1, filter: 'n=2' },
    ] as never,
  )
})

test('queue methods: what replay and purge mean must be said', async t => {
  const rig = rigWithQueues()
  const client = rig.native()
  await rig.openQueue('jobs')
  for (const params of [{}, { all: false }, { all: true, filter: 'a=1' }, { positions: [1], all: true }, { positions: [0] }]) {
    for (const method of ['queue.replay', 'queue.purge']) t.is((await call(rig, client, method, { name: 'jobs', ...params })).code, 'method.bad_params', JSON.stringify(params))
  }
})

test('queue methods: pause and resume are kept by the store, and written down once', async t => {
  const rig = rigWithQueues()
  const client = rig.native()
  const queue = await rig.openQueue('jobs')
  t.true((await call<QueueInfo>(rig, client, 'queue.pause', { name: 'jobs' })).isPaused)
  t.true((await call<QueueInfo>(rig, client, 'queue.pause', { name: 'jobs' })).isPaused)
  t.true(queue.isPaused)
  t.false((await call<QueueInfo>(rig, client, 'queue.resume', { name: 'jobs' })).isPaused)
  t.deepEqual(rig.audit.entries.map(({ action }) => action).filter(action => action.startsWith('queue.')), ['queue.paused', 'queue.resumed'])
})

test('queue methods: everybody may see how queues are; what is in them, and changing them, is for admins', async t => {
  const rig = rigWithQueues()
  rig.addPrincipal({ name: 'guest', roles: ['client'] }, 'guest-token')
  const guest = rig.native({ principal: 'guest', auth: { token: 'guest-token' } })
  await rig.openQueue('jobs')
  t.like(await call<QueueInfo>(rig, guest, 'queue.show', { name: 'jobs' }), { name: 'jobs' })
  t.is((await call<{ queues: QueueInfo[] }>(rig, guest, 'queue.list')).queues.length, 1)
  for (const method of ['queue.inspect', 'queue.replay', 'queue.purge', 'queue.pause', 'queue.resume']) t.is((await call(rig, guest, method, { name: 'jobs', all: true })).code, 'permission.denied', method)
})

test('queue methods: a channel whose queue holds messages is deleted by force alone', async t => {
  const rig = rigWithQueues()
  const client = rig.native()
  await rig.openQueue('jobs')
  await publish(rig, client, 1)
  const refused = await call(rig, client, 'channel.delete', { name: 'jobs' })
  t.is(refused.code, 'queue.not_empty')
  t.regex(refused.message!, /holds 1 messages and 0 dead letters/)
  t.like(await call(rig, client, 'channel.delete', { name: 'jobs', force: true }), { name: 'jobs', mode: 'queue' } as never)
  t.like(rig.audit.entries.at(-1), { action: 'channel.deleted', channel: 'jobs', forced: true } as never)
})

test('queue methods: a channel is created with what its queue has otherwise', async t => {
  const rig = rigWithQueues()
  const client = rig.native()
  t.like(await call(rig, client, 'channel.create', { name: 'jobs', mode: 'queue', queue: { maxMessages: 5, retry: { backoff: [1, 2] } } }), { mode: 'queue', queue: { maxMessages: 5, retry: { backoff: [1, 2] } } } as never)
  const refused = await call(rig, client, 'channel.create', { name: 'other', mode: 'queue', queue: { maxMessages: -5 } })
  t.is(refused.code, 'method.bad_params')
  t.regex(refused.message!, /params\.queue\.maxMessages must be an integer of 0\.\./)
  t.is((await call(rig, client, 'channel.create', { name: 'other', queue: { maxMessages: 5 } })).code, 'channel.invalid')
})

test('queue methods: a store that hands out fewer messages than were asked for is asked on', async t => {
  const rig = rigWithQueues()
  const client = rig.native()
  const queue = await rig.openQueue('jobs')
  queue.maxPage = 2
  for (let n = 0; n < 5; n++) await publish(rig, client, { n })
  const { messages, next } = await call<QueueInspection>(rig, client, 'queue.inspect', { name: 'jobs' })
  t.deepEqual([messages.length, next], [5, 0])
  t.like(await call<QueueChange>(rig, client, 'queue.purge', { name: 'jobs', filter: 'n>=0' }), { changed: 5, next: 0 })
})
