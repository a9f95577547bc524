// Queues in Kafka while servers are away and brokers take each other's place, against brokers of Kafka as librdkafka mocks them.

import test, { type ExecutionContext } from 'ava'
import { defaultStore } from '../../../../broker/ground/store-settings.ts'
import { topicsOf } from '../../../../broker/store/kafka/names.ts'
import { openKafka } from '../../../../broker/store/kafka/open.ts'
import { KafkaMock, kafkaStory, noKafkaMock } from '../../../support/kafka-mock.ts'
import { kafkaWorld } from '../../../support/kafka-store-world.ts'
import { attempted, upTo } from '../../../conformance/store/story.ts'
import { queueSettings, QueueRig } from '../../../support/queue-rig.ts'
import { StoreStorm } from '../../../support/store-storm.ts'
import { recordedLog } from '../../../support/recorded-log.ts'
import { reservedPort } from '../../../support/reserved-port.ts'

/** A broker that counts on so long a silence of others shows itself only three times in it: in no test, as one that was killed. ms */
const SILENT_MS = 3_600_000

const cluster = Promise.withResolvers<KafkaMock>()
const teardowns: (() => unknown)[] = []

test.before(async () => {
  if (noKafkaMock === undefined) cluster.resolve(await KafkaMock.start({ teardown: end => void teardowns.push(end) }))
})

test.after.always(async () => {
  for (const end of teardowns.toReversed()) await end()
})

/** Refused and told, as often as it takes until that is what comes of it. */
async function until(outcome: 'store.unavailable' | 'stored', rig: QueueRig): Promise<void> {
  for (let told: string | undefined; told !== outcome; ) {
    const [fate] = await rig.append('probe')
    told = fate !== undefined && 'refused' in fate ? fate.refused : 'stored'
  }
}

kafkaStory('kafka: while the server is away messages are refused by name; then all goes on, and nothing that was stored is lost', async t => {
  const mock = await cluster.promise
  const rig = await QueueRig.open(t, kafkaWorld(mock, 'away', { writeMs: 300 }))
  await rig.stored(upTo(3))
  const [held] = await rig.take()
  await mock.does({ do: 'down', broker: 1 })
  await until('store.unavailable', rig)
  await rig.when(() => rig.problems.length > 0)
  t.is(rig.problems[0]?.code, 'store.unavailable')
  t.is((await rig.settle({ ...held!, verdict: 'ack' })).error?.code, 'store.unavailable', 'an ack that is not written is not confirmed')
  await mock.does({ do: 'up', broker: 1 })
  await rig.when(() => rig.problems.at(-1) === undefined)
  await rig.does('ack', [held!])
  const [kept] = await rig.stored('later')
  const left = (await rig.texts('waiting')).filter(text => text !== 'probe')
  t.deepEqual(left, ['m1', 'm2', 'later'])
  t.true(kept! >= 4)
  t.like(await rig.counts(), { acked: 1 })
})

kafkaStory('kafka: a queue whose topics have no leader yet, as when they were just made, is open when they have one', async t => {
  const mock = await KafkaMock.start(t)
  const [LEADER_NOT_AVAILABLE, INIT_PRODUCER_ID] = [5, 22]
  await mock.does({ do: 'errors', api: INIT_PRODUCER_ID, codes: [LEADER_NOT_AVAILABLE, LEADER_NOT_AVAILABLE] })
  const rig = await QueueRig.open(t, kafkaWorld(mock, 'young'))
  t.is((await rig.stored(upTo(3))).length, 3)
})

kafkaStory('kafka: a write that the servers refuse for the moment is tried again, and stands there once', async t => {
  const mock = await cluster.promise
  const rig = await QueueRig.open(t, kafkaWorld(mock, 'again'))
  const [NOT_LEADER, NOT_ENOUGH_REPLICAS, PRODUCE] = [6, 19, 0]
  await mock.does({ do: 'errors', api: PRODUCE, codes: [NOT_LEADER, NOT_ENOUGH_REPLICAS, NOT_LEADER] })
  const positions = await rig.stored(upTo(3))
  t.deepEqual(positions, [1, 2, 3])
  t.deepEqual(rig.problems, [])
  await rig.counted({ ready: 3, stored: 3 })
})

kafkaStory('kafka: a message that is larger than the topic takes is refused by name, those beside it are stored', async t => {
  const mock = await cluster.promise
  const rig = await QueueRig.open(t, kafkaWorld(mock, 'large'))
  const [TOO_LARGE, PRODUCE] = [10, 0]
  await mock.does({ do: 'errors', api: PRODUCE, codes: [TOO_LARGE, TOO_LARGE] })
  t.deepEqual(await rig.append(upTo(3)), [{ refused: 'queue.bad_option' }, { position: 1, isDuplicate: false }, { position: 2, isDuplicate: false }])
})

kafkaStory('kafka: numbers that the servers take no more cost the messages that were on their way, and no other', async t => {
  const mock = await cluster.promise
  const rig = await QueueRig.open(t, kafkaWorld(mock, 'numbers'))
  await rig.stored('first')
  const [OUT_OF_ORDER, PRODUCE] = [45, 0]
  await mock.does({ do: 'errors', api: PRODUCE, codes: [OUT_OF_ORDER] })
  t.deepEqual(await rig.append('unknown'), [{ refused: 'store.unavailable' }])
  await rig.when(() => rig.problems.length === 2)
  t.is(rig.problems[1], undefined)
  await rig.stored('last')
  t.deepEqual((await rig.take(2)).map(({ text }) => text), ['first', 'last'])
})

kafkaStory('kafka: a broker that comes back after a kill has its queue at once, each attempt counted; what it was before can write nothing', async t => {
  const mock = await cluster.promise
  const killed = await QueueRig.open(t, kafkaWorld(mock, 'killed', { writeMs: 300, silenceMs: SILENT_MS }), { retry: { maxAttempts: 3 } })
  await killed.stored(upTo(4))
  await killed.does('ack', (await killed.take(3)).slice(0, 1))
  // Nothing is closed: for Kafka this is a broker that says nothing any more.
  const next = await QueueRig.open(t, kafkaWorld(mock, 'killed', { writeMs: 300 }), { retry: { maxAttempts: 3 } })
  t.deepEqual(attempted(await next.take(3)), ['m1 #2', 'm2 #2', 'm3 #1'])
  const lease = killed.leases[1]!
  t.is((await killed.settle({ ...lease, verdict: 'ack' })).error?.code, 'store.unavailable')
  // Now it knows, and would take back what is its home's.
  await killed.queue.close()
  await next.does('ack', next.leases)
  await next.counted({ stored: 4, acked: 4, ready: 0, inFlight: 0 })
})

kafkaStory('kafka: what another program or an older broker wrote into the topic is delivered in its place', async t => {
  const mock = await cluster.promise
  const old = await QueueRig.open(t, kafkaWorld(mock, 'strangers', { writeMs: 300, silenceMs: SILENT_MS }))
  const rig = await QueueRig.open(t, kafkaWorld(mock, 'strangers', { writeMs: 300 }))
  // It has not heard yet that the queue is another one's: what it stores is the queue's, too.
  await old.stored('late')
  const [position] = await rig.stored('next')
  t.is(position, 2)
  t.deepEqual((await rig.take(2)).map(({ text }) => text), ['late', 'next'])
})

kafkaStory('kafka: a queue that another broker serves is refused by name, one that it gave back is taken, and one that it serves no longer after a silence', async t => {
  const mock = await cluster.promise
  const first = await QueueRig.open(t, kafkaWorld(mock, 'shared'))
  await first.stored(upTo(2))
  const refused = await t.throwsAsync(QueueRig.open(t, kafkaWorld(mock, 'shared'), {}, 'b2'))
  t.like(refused, { code: 'store.in_use' })
  t.regex(refused.message, /broker b1 serves it/)
  await first.queue.close()
  const second = await QueueRig.open(t, kafkaWorld(mock, 'shared', { silenceMs: SILENT_MS }), {}, 'b2')
  t.deepEqual((await second.take(2)).map(({ text }) => text), upTo(2))
  const third = await QueueRig.open(t, kafkaWorld(mock, 'shared', { silenceMs: 600 }), {}, 'b3')
  t.deepEqual(attempted(await third.take(2)), ['m0 #2', 'm1 #2'])
})

kafkaStory('kafka: what is known is written down anew before the journal grows too long, and a restart begins there', async t => {
  const rig = await QueueRig.open(t, kafkaWorld(await cluster.promise, 'long'), { maxAckPending: 0x7fff_ffff, deduplication: { enabled: true, windowMs: 600_000 } })
  const positions = await rig.stored('first', { messageId: 'a' })
  // Every second one stays: each is a range of its own, and has a mark.
  const taken = await (async () => {
    await rig.stored(upTo(6000))
    return rig.take(6001)
  })()
  for (let from = 0; from < taken.length; from += 20) await rig.does('ack', taken.slice(from, from + 20).filter((_, i) => i % 2 === 0))
  const before = await rig.counts()
  await rig.reopen()
  const { inFlight: _inFlight, ready: _ready, ...counts } = before
  t.like(await rig.counts(), { ...counts, inFlight: 0, ready: 3000 })
  t.deepEqual(await rig.append('again', { messageId: 'a' }), [{ position: positions[0]!, isDuplicate: true }])
  t.true((await rig.take(3000)).every(({ attempt }) => attempt === 2))
})

kafkaStory('kafka: while leaders move and servers go away and come back, everything accepted is consumed, and nothing comes back that was settled', async t => {
  const mock = await KafkaMock.start(t, 3)
  const settings = { ackWaitMs: 1000, retry: { maxAttempts: 0 }, maxAckPending: 1000 }
  const { waiting, journal, dead } = topicsOf('test', 'storm')
  const lead = async (broker: number): Promise<void> => {
    for (const topic of [waiting, journal, dead]) await mock.does({ do: 'leader', topic, broker })
  }
  const patient = await QueueRig.open(t, kafkaWorld(mock, 'storm'), settings)
  await lead(1)
  const moving = new StoreStorm(patient)
  await moving.acknowledges(100)
  for (const broker of [2, 3, 1]) {
    await lead(broker)
    await moving.acknowledges(100)
  }
  await moving.ends()
  moving.complete(t)
  t.is(moving.refused.size, 0, 'a new leader costs a pause')
  t.deepEqual(moving.back, [])
  await patient.queue.close()

  const rig = await QueueRig.open(t, kafkaWorld(mock, 'storm', { writeMs: 500 }), settings)
  const storm = new StoreStorm(rig)
  await storm.acknowledges(100)
  for (const broker of [1, 2, 3]) {
    await mock.does({ do: 'down', broker })
    await rig.when(() => rig.problems.at(-1) !== undefined)
    await lead((broker % 3) + 1)
    await storm.acknowledges(100)
    await mock.does({ do: 'up', broker })
  }
  await storm.ends()
  storm.complete(t)
  t.deepEqual(storm.back, [])
  t.deepEqual([...new Set(storm.refused.values())], ['store.unavailable'])
  t.log(`${storm.accepted.size} accepted, ${storm.refused.size} refused or unknown, ${[...storm.seen.values()].filter(times => times > 1).length} seen again`)
})

kafkaStory('kafka: messages that somebody deleted in Kafka are told by number, and do not stop those behind them', async t => {
  const log = recordedLog()
  const rig = await QueueRig.open(t, kafkaWorld(await cluster.promise, 'deleted', { log }))
  await rig.stored(upTo(3))
  // The mock keeps 5 MiB of a topic.
  for (let i = 0; i < 8; i++) await rig.stored(`large ${i}`, { padding: 1024 * 1024 })
  await rig.reopen()
  const [first] = await rig.take()
  t.regex(first!.text, /^large/)
  t.true(first!.position > 4)
  const told = log.records.find(({ level }) => level === 'error')
  t.like(told?.fields, { queue: 'deleted', messages: first!.position - 1, from: 1, to: first!.position - 1 })
  const counts = await rig.counts()
  t.is(counts.ready + counts.inFlight, 12 - first!.position)
})

kafkaStory('kafka: a topic that cannot be a queue is refused by name', async t => {
  const mock = await cluster.promise
  await mock.does({ do: 'topic', name: 'test.wide.waiting', partitions: 3 })
  await t.throwsAsync(open(t, mock.brokers).then(store => store.open('wide', { ...settings }, listener)), { code: 'store.failed', message: /has 3 partitions/ })
})

kafkaStory('kafka: fsync is refused with one copy, by name', async t => {
  const mock = await cluster.promise
  await t.throwsAsync(open(t, mock.brokers).then(store => store.open('strict', { ...settings, durability: 'fsync' }, listener)), { code: 'store.durability' })
})

test('kafka: where no server answers the store does not open', async t => {
  await t.throwsAsync(open(t, [`127.0.0.1:${await reservedPort(t)}`]), { code: 'store.unavailable' })
})

const settings = queueSettings()
const listener = { leased: () => {}, happened: () => {}, stateChanged: () => {} }

async function open(t: ExecutionContext, brokers: readonly string[]): ReturnType<typeof openKafka> {
  const store = await openKafka({ settings: { ...defaultStore, backend: 'kafka', kafka: { ...defaultStore.kafka, brokers, prefix: 'test' } }, directory: '', log: recordedLog(), broker: 'b1' })
  t.teardown(() => store.close())
  return store
}
