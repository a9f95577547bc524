import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { jetstreamManager, StorageType } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { systemClock, type Clock } from '../../../../broker/ground/clock.ts'
import type { BucketWatcher } from '../../../../broker/upstream/nats/bucket-entry.ts'
import { KvBucket, type BucketSettings } from '../../../../broker/upstream/nats/kv-bucket.ts'
import { readDelivery } from '../../../../broker/upstream/nats/kv-watch.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { connectNats } from '../../../support/nats-client.ts'
import { startNatsCluster } from '../../../support/nats-cluster.ts'
import { natsTest, startNatsServer } from '../../../support/nats-server.ts'
import { untilOpen } from '../../../support/until-open.ts'
import { until } from '../../../support/until.ts'
import { withMoreTime } from '../../../support/with-more-time.ts'

const settings: BucketSettings = { name: 'test', description: 'of a test', ttlMs: 0, storage: 'memory', maxValueBytes: 1000 }

/** Keeps what it is told: entries, and the words `round`, `synced`, `failed`. */
class Told implements BucketWatcher {
  readonly words: string[] = []

  round(): void {
    this.words.push('round')
  }

  entry({ key, value }: Parameters<BucketWatcher['entry']>[0]): void {
    this.words.push(value === undefined ? `${key} deleted` : `${key}=${Buffer.from(value).toString()}`)
  }

  synced(): void {
    this.words.push('synced')
  }

  failed(): void {
    this.words.push('failed')
  }

  /** Resolves when the last words are these. */
  async ends(...words: string[]): Promise<void> {
    await until(() => this.words.slice(-words.length).join() === words.join())
  }
}

async function opened(t: ExecutionContext, url: string, more: Partial<BucketSettings> = {}, watcher?: BucketWatcher, clock: Clock = systemClock): Promise<[KvBucket, NatsConnection]> {
  const connection = await connectNats(t, url)
  const bucket = new KvBucket({ ...settings, ...more }, clock)
  await untilOpen(() => bucket.open(connection, watcher))
  t.teardown(() => bucket.close())
  return [bucket, connection]
}

natsTest('kv bucket: writes and deletes only what is in the revision that was expected', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [bucket] = await opened(t, url)
  t.is(await bucket.get('a'), undefined)
  t.is(await bucket.put('a', 'x', 7), undefined)
  const first = (await bucket.put('a', 'one', 0))!
  t.is(await bucket.put('a', 'again', 0), undefined)
  t.deepEqual({ ...(await bucket.get('a'))!, value: Buffer.from((await bucket.get('a'))!.value!).toString() }, { key: 'a', value: 'one', revision: first })
  const second = (await bucket.put('a', 'two', first))!
  t.true(second > first)
  t.false(await bucket.remove('a', first))
  t.true(await bucket.remove('a', second))
  const deleted = (await bucket.get('a'))!
  t.is(deleted.value, undefined)
  t.is(await bucket.put('a', 'x', 0), undefined, 'the mark of the deleted is a revision too')
  t.truthy(await bucket.put('a', 'three', deleted.revision))
  await t.throwsAsync(bucket.put('a', 'x'.repeat(1001)), { code: 'bus.no_bucket' })
})

natsTest('kv bucket: a watcher is told all there is, then what changes, and of an empty bucket that it is', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  // A clock that stands still: however late the machine is, the watcher does not take that for a silence and begin anew.
  const clock = new FakeClock()
  const empty = new Told()
  const [bucket] = await opened(t, url, {}, empty, clock)
  await empty.ends('round', 'synced')
  await bucket.put('a', '1')
  await bucket.put('a', '2')
  await bucket.put('b', '3')
  await bucket.remove('b')
  await empty.ends('round', 'synced', 'a=1', 'a=2', 'b=3', 'b deleted')
  const late = new Told()
  await opened(t, url, {}, late, clock)
  await late.ends('synced')
  t.deepEqual(late.words, ['round', 'a=2', 'b deleted', 'synced'])
})

natsTest('kv bucket: a watcher whose server forgot it is told everything anew', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const told = new Told()
  const [bucket, connection] = await opened(t, url, {}, told)
  await told.ends('round', 'synced')
  await bucket.put('a', '1')
  await told.ends('a=1')
  const manager = await jetstreamManager(connection)
  for await (const { name } of manager.consumers.list('KV_test')) await manager.consumers.delete('KV_test', name)
  await bucket.put('a', '2')
  // Within the round or, where the watcher was quicker than that, behind it.
  await until(() => told.words.lastIndexOf('round') > 0 && told.words.lastIndexOf('synced') > told.words.lastIndexOf('round') && told.words.lastIndexOf('a=2') > told.words.lastIndexOf('round'))
  await manager.streams.delete('KV_test')
  await until(() => told.words.includes('failed'))
  await bucket.open(connection, told)
  await told.ends('round', 'synced')
  t.is(await bucket.get('a'), undefined)
})

natsTest('kv bucket: entries that are not written again are gone after their time', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const isTold = await withMoreTime(500, async ttlMs => {
    const [bucket] = await opened(t, url, { name: `test${ttlMs}`, ttlMs })
    await bucket.put('a', '1')
    // On a busy machine it may be over by now.
    if ((await bucket.get('a')) === undefined) return false
    await until(async () => (await bucket.get('a')) === undefined)
    t.truthy(await bucket.put('a', '2', 0))
    return true
  })
  t.true(isTold, 'it is there for its time')
})

natsTest('kv bucket: many may make it at once, and it cannot be asked before or after', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const connections = await Promise.all(Array.from({ length: 8 }, () => connectNats(t, url)))
  const buckets = connections.map(() => new KvBucket(settings, systemClock))
  t.teardown(() => buckets.forEach(each => each.close()))
  const problems = await Promise.all(buckets.map((each, i) => each.open(connections[i]!).then(() => '', String)))
  // It takes too long on a busy machine, and nothing else is wrong: a server has more than one word for what another one has just made.
  t.deepEqual(problems.filter(problem => problem !== '' && !/timeout/i.test(problem)), [])
  for (const [i, each] of buckets.entries()) if (!each.isOpen) await untilOpen(() => each.open(connections[i]!))
  await buckets[0]!.put('a', '1')
  for (const each of buckets) t.is((await each.get('a'))!.revision, 1)
  const [bucket] = buckets as [KvBucket]
  bucket.close()
  t.false(bucket.isOpen)
  await t.throwsAsync(bucket.get('a'), { code: 'bus.no_bucket', message: /no server is connected/ })
  await t.throwsAsync(new KvBucket(settings, systemClock).put('a', ''), { code: 'bus.no_bucket' })
})

natsTest('kv bucket: it is kept on three servers where there are so many, also one that was made on one', async t => {
  const cluster = await startNatsCluster(t)
  const connection = await connectNats(t, cluster.urls[0]!)
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: 'KV_test', subjects: ['$KV.test.>'], num_replicas: 1, storage: StorageType.Memory, max_msgs_per_subject: 1, allow_rollup_hdrs: true })
  const replicated = async (url: string, more?: Partial<BucketSettings>): Promise<KvBucket> => {
    const [bucket, own] = await opened(t, url, more)
    // Where the servers were not ready for copies in time, the next opening makes them.
    await until(async () => {
      if (bucket.replicas !== 3) await bucket.open(own).catch(() => {})
      return bucket.replicas === 3
    })
    return bucket
  }
  const bucket = await replicated(cluster.urls[1]!)
  // The copies choose a leader first.
  await until(async () => (await bucket.put('a', '1').catch(() => undefined)) !== undefined)
  t.is((await replicated(cluster.urls[2]!, { name: 'other' })).replicas, 3)
})

natsTest('kv bucket: with fewer servers than copies it is kept on one', async t => {
  const cluster = await startNatsCluster(t, { size: 2 })
  const [bucket] = await opened(t, cluster.urls[0]!)
  t.is(bucket.replicas, 1)
  t.truthy(await bucket.put('a', '1'))
})

test('kv bucket: the place of a delivery is read from both forms of its reply subject, and from nothing else', t => {
  t.deepEqual(readDelivery('$JS.ACK.KV_test.c.1.42.7.1700000000000000000.3'), { revision: 42, sequence: 7, pending: 3 })
  t.deepEqual(readDelivery('$JS.ACK.hub.hash.KV_test.c.1.42.7.1700000000000000000.3.random'), { revision: 42, sequence: 7, pending: 3 })
  for (const reply of [undefined, '', '$JS.FC.x', '$JS.ACK.a.b.c', '$JS.ACK.KV_test.c.1.x.7.1.3', '$JS.ACK.KV_test.c.1.42..1.3', 'a.b.c.d.1.2.3.4.5']) t.is(readDelivery(reply), undefined, reply)
  fc.assert(fc.property(fc.string(), reply => readDelivery(reply) === undefined))
})
