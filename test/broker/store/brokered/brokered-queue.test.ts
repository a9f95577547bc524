import test from 'ava'
import { BrokerError } from '../../../../broker/ground/errors.ts'
import { MemoryForeignStores } from '../../../support/memory-foreign-queue.ts'
import { imbalance, QueueRig } from '../../../support/queue-rig.ts'
import { StoreStorm } from '../../../support/store-storm.ts'
import { until } from '../../../support/until.ts'

const world = (stores: MemoryForeignStores) => ({ queue: 'jobs', open: (broker: string) => stores.open(broker) })
const away = new BrokerError('store.unavailable', { backend: 'memory', problem: 'the test says so' })

for (const isDone of [true, false])
  test(`brokered queue: a store that fails again and again, ${isDone ? 'though it did what was asked' : 'and does nothing then'}, loses nothing that was accepted`, async t => {
    const stores = new MemoryForeignStores()
    const rig = await QueueRig.open(t, world(stores), { ackWaitMs: 20, retry: { maxAttempts: 0 }, maxAckPending: 50 })
    const storm = new StoreStorm(rig)
    for (let round = 0; round < 15; round++) {
      await storm.acknowledges(20)
      const { size } = storm.refused
      Object.assign(stores.trouble, { error: away, isDone })
      await until(() => storm.refused.size >= size + 20)
      stores.trouble.error = undefined
    }
    await storm.ends()
    storm.complete(t)
    t.deepEqual(storm.back, [], 'nothing comes again after its acknowledgement was confirmed')
    t.deepEqual([...new Set(storm.refused.values())], ['store.unavailable'])
    t.is(imbalance(await rig.counts()), 0)
  })

test('brokered queue: an acknowledgement that failed can be asked again, a dead letter that could not be kept is made later', async t => {
  const stores = new MemoryForeignStores()
  const rig = await QueueRig.open(t, world(stores), { ackWaitMs: 600_000, retry: { maxAttempts: 1 } })
  const [, second] = await rig.stored(['a', 'b'])
  const messages = await rig.take(2)
  stores.trouble.error = away
  for (const verdict of ['ack', 'term'] as const) t.is((await rig.settle(...messages.map(({ position, attempt }) => ({ position, attempt, verdict })))).error?.code, 'store.unavailable')
  stores.trouble.error = undefined
  await rig.does('ack', messages.slice(0, 1))
  // Only now: the first one must not have lost its lease before.
  await rig.queue.change({ ...rig.settings, ackWaitMs: 1 })
  t.like(await rig.event('dead-lettered', second!), { attempt: 1, reason: 'max-attempts' })
  await rig.counted({ acked: 1, deadLettered: 1, inFlight: 0 })
})

test('brokered queue: what was fetched and is not demanded any more is another broker\'s', async t => {
  const stores = new MemoryForeignStores()
  const [first, second] = [await QueueRig.open(t, world(stores)), await QueueRig.open(t, world(stores), {}, 'b2')]
  first.queue.demand(5)
  await first.counts()
  first.queue.demand(-5)
  await first.stored(['a', 'b'])
  t.deepEqual((await second.take(2)).map(({ text }) => text), ['a', 'b'])
  t.is(first.leases.length, 0)
})

test('brokered queue: what a full queue refuses says how full it is', async t => {
  const stores = new MemoryForeignStores()
  const rig = await QueueRig.open(t, world(stores), { maxMessages: 2 })
  await rig.stored(['a', 'b'])
  const refused = await new Promise<BrokerError>((resolve, reject) => {
    const bytes = Buffer.from([0, 0, 0, 0])
    rig.queue.append({ bytes, start: 0, end: 4, count: 1, messageId: undefined, session: undefined, sequence: 0, dueAtMs: 0, expiresAtMs: 0, durability: 'os', watch: { stored: reject, dropped: reject, refused: (_, error) => resolve(error) } })
  })
  t.like(refused.details, { queue: 'jobs', messages: 2, maxMessages: 2 })
})

test('brokered queue: where the oldest make room for new ones, those whose time is over still go by themselves', async t => {
  const stores = new MemoryForeignStores()
  const rig = await QueueRig.open(t, world(stores), { whenFull: 'drop-oldest', maxMessages: 10 })
  const [position] = await rig.stored(['a'], { expiresAtMs: Date.now() + 50 })
  t.like(await rig.event('dead-lettered', position!), { reason: 'expired' })
})

const perSession = { enabled: true, guarantee: 'per_session' } as const

test('brokered queue: what could not be purged is handed out after that', async t => {
  const stores = new MemoryForeignStores()
  const rig = await QueueRig.open(t, world(stores), { ordering: perSession })
  const positions = await rig.stored(['a', 'b'], { session: 's' })
  const taken = await rig.take(1)
  rig.queue.demand(1)
  await until(async () => (await rig.counts()).held === 1)
  rig.queue.demand(-1)
  // Both are here, and on lease to nobody: the first is ready, the second is held behind it.
  await rig.does('release', taken)
  stores.trouble.error = away
  await t.throwsAsync(rig.queue.purge('waiting', positions), { code: 'store.unavailable' })
  stores.trouble.error = undefined
  for (const text of ['a', 'b']) {
    const [message] = await rig.take(1)
    t.is(message!.text, text)
    await rig.does('ack', [message!])
  }
})

test('brokered queue: room that could not be made is made when the store is there again', async t => {
  const stores = new MemoryForeignStores()
  const rig = await QueueRig.open(t, world(stores), { whenFull: 'drop-oldest', maxMessages: 2 })
  const [first] = await rig.stored(['a', 'b'])
  Object.assign(stores.trouble, { error: away, isDone: true })
  await rig.append('c')
  await rig.append('d')
  stores.trouble.error = undefined
  t.like(await rig.event('dead-lettered', first! + 1), { reason: 'overflow' })
  await rig.counted({ ready: 2 })
})

test('brokered queue: a queue that is closed while it makes room leaves no message as a dead letter that waits as well', async t => {
  const stores = new MemoryForeignStores()
  const rig = await QueueRig.open(t, world(stores), { whenFull: 'drop-oldest', maxMessages: 3 })
  await rig.stored(Array.from({ length: 40 }, (_, i) => `${i}`))
  const closing = rig.queue.close()
  t.is(rig.queue.close(), closing, 'who closes it again waits for the same end')
  await rig.reopen()
  const [waiting, dead] = [await rig.texts('waiting'), await rig.texts('dead')]
  t.is(new Set([...waiting, ...dead]).size, waiting.length + dead.length)
  await rig.counted({ inFlight: 0 })
})

test('brokered queue: a dead letter that is too large with what its attempts failed with is kept without', async t => {
  const stores = new MemoryForeignStores()
  stores.trouble.maxHistory = 1
  const rig = await QueueRig.open(t, world(stores), { retry: { maxAttempts: 2 } })
  const [position] = await rig.stored('poison')
  for (const reason of ['first', 'second']) await rig.does('nak', await rig.take(), { delayMs: 0, reason })
  await rig.event('dead-lettered', position!)
  const [dead] = await rig.queue.list({ which: 'dead', after: 0, limit: 10 })
  t.like(dead, { position, attempts: 2 })
  t.deepEqual(dead!.death!.history, [])
})
