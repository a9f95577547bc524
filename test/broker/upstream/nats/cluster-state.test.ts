import type { ExecutionContext } from 'ava'
import { systemClock } from '../../../../broker/ground/clock.ts'
import { ClusterState } from '../../../../broker/upstream/nats/cluster-state.ts'
import { SharingBroker } from '../../../support/channel-rig.ts'
import { errorCode } from '../../../support/error-code.ts'
import { settle } from '../../../support/fake-clock.ts'
import { connectNats } from '../../../support/nats-client.ts'
import { natsTest, startNatsServer } from '../../../support/nats-server.ts'
import { PresentBroker, SIGNS } from '../../../support/presence-rig.ts'
import { recordedLog, type RecordedLog } from '../../../support/recorded-log.ts'
import { until } from '../../../support/until.ts'
import { withMoreTime } from '../../../support/with-more-time.ts'

const TTL_MS = 60_000

function state(t: ExecutionContext, broker: string): { cluster: ClusterState; log: RecordedLog; channels: SharingBroker } {
  const log = recordedLog()
  const channels = new SharingBroker(broker)
  const self = { broker, name: `callboard-${broker}`, host: 'here', pid: 1, version: '0' }
  const cluster = new ClusterState({ self, clients: new PresentBroker(broker, SIGNS), channels: () => channels, clock: systemClock, log })
  t.teardown(() => {
    cluster.lost()
    return cluster.leave()
  })
  return { cluster, log, channels }
}

const isKnown = (cluster: ClusterState) => (): boolean => cluster.status().problem === undefined

natsTest('cluster state: who leaves gives its leases back, and is not there any more', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [state(t, 'one').cluster, state(t, 'two').cluster]
  t.is(await errorCode(one.leases.tryAcquire('a', TTL_MS)), 'lease.unavailable')
  t.is(one.status().problem, 'the link has not joined a server yet')
  for (const cluster of [one, two]) cluster.joined(await connectNats(t, url))
  await until(() => isKnown(one)() && isKnown(two)() && two.status().brokers.length === 1)
  t.like(two.status(), { brokers: [{ broker: 'one', name: 'callboard-one' }], clients: 0, channels: 0, conflicts: [], replicas: 1 })
  const lease = (await one.leases.tryAcquire('a', TTL_MS))!
  t.is(await two.leases.tryAcquire('a', TTL_MS), undefined)
  await one.leave()
  t.true(lease.lost.aborted)
  t.true((await two.leases.tryAcquire('a', TTL_MS))!.token > lease.token)
  await until(() => two.status().brokers.length === 0)
})

natsTest('cluster state: a lease outlasts the loss of a connection that comes back in time', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  // On a busy machine it may not come back in time.
  const isHeld = await withMoreTime(2000, async ttlMs => {
    const { cluster } = state(t, 'one')
    const first = await connectNats(t, url)
    cluster.joined(first)
    await until(isKnown(cluster))
    const lease = (await cluster.leases.tryAcquire(`a${ttlMs}`, ttlMs))!
    cluster.lost()
    t.is(cluster.status().problem, 'the link was lost, and what brokers share is not open again yet')
    await first.close()
    cluster.joined(await connectNats(t, url))
    await until(isKnown(cluster))
    const sinceMs = performance.now()
    await until(() => performance.now() - sinceMs > ttlMs || lease.lost.aborted)
    const { isHeld } = lease
    await cluster.leave()
    return isHeld
  })
  t.true(isHeld, 'it was renewed over the new connection')
})

natsTest('cluster state: without JetStream it says so once, and begins when there is one', async t => {
  const without = await startNatsServer(t)
  const { cluster, log } = state(t, 'one')
  cluster.joined(await connectNats(t, without.url))
  await log.logged(/until then brokers do not know of each other's clients and channels/)
  t.regex(cluster.status().problem ?? '', /jetstream is not enabled/i)
  t.is(cluster.subjectOf(['$CB', 'to', 'client', 'x']), '$CB.to.client.x')
  t.is(cluster.status().replicas, 0)
  cluster.lost()
  const { url } = await startNatsServer(t, { jetStream: true })
  cluster.joined(await connectNats(t, url))
  await until(isKnown(cluster))
  t.is(cluster.subjectOf(['$CB', 'to', 'client', 'x']), undefined)
  t.is(log.records.filter(({ level }) => level === 'warn').length, 1)
})

natsTest('cluster state: buckets that an operator deletes are made again, and filled by those who know', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const { cluster, channels } = state(t, 'one')
  cluster.joined(await connectNats(t, url))
  await until(isKnown(cluster))
  const { name, mode } = { name: 'a', mode: 'pubsub' } as const
  await cluster.channels.create({ name, mode, direction: 'both', predefined: false, createdAt: 1 }, () => channels.start({ name, mode, direction: 'both', predefined: false, createdAt: 1 }))
  t.is(cluster.status().channels, 1)
  const operator = await connectNats(t, url)
  for (const bucket of ['presence', 'clients', 'channels']) await operator.request(`$JS.API.STREAM.DELETE.KV_callboard_${bucket}`)
  await until(() => cluster.status().problem !== undefined)
  await until(() => isKnown(cluster)() && cluster.status().channels === 1 && cluster.status().replicas === 1)
  t.deepEqual(channels.list, ['a pubsub'])
})

const nonsense: Readonly<Record<string, string>> = {
  'no JSON': 'garbage',
  'an empty object': '{}',
  'a stream without settings': '{"type":"io.nats.jetstream.api.v1.stream_info_response","config":{},"state":{}}',
  'settings of another kind': '{"type":"io.nats.jetstream.api.v1.stream_info_response","config":{"name":7,"num_replicas":"three"},"state":null,"num_pending":"many","stream":"x","seq":-1}',
  much: `"${'x'.repeat(500_000)}"`,
}
for (const [what, answer] of Object.entries(nonsense))
  natsTest(`cluster state: a server that answers ${what} does no harm`, async t => {
    const { url } = await startNatsServer(t)
    const vandal = await connectNats(t, url)
    let answers = 0
    for (const subject of ['$JS.API.>', '$KV.>']) vandal.subscribe(subject, { callback: (_, message) => void (answers++, message.respond(answer)) })
    await vandal.flush()
    const { cluster } = state(t, 'one')
    cluster.joined(await connectNats(t, url))
    await until(() => answers >= 6)
    t.is(await errorCode(cluster.leases.tryAcquire('a', TTL_MS)), 'lease.unavailable')
    t.is(cluster.subjectOf(['$CB', 'to', 'client', 'x']), '$CB.to.client.x', 'nothing is known by it')
    t.deepEqual(cluster.status().brokers, [])
  })

natsTest('cluster state: connections that come and go faster than buckets open leave it open on the last one', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const { cluster } = state(t, 'one')
  for (let i = 0; i < 20; i++) {
    const connection = await connectNats(t, url)
    cluster.joined(connection)
    // At any moment of the opening.
    for (let turns = 0; turns < i; turns++) await settle()
    cluster.lost()
    await connection.close()
  }
  cluster.joined(await connectNats(t, url))
  await until(isKnown(cluster))
  t.truthy(await cluster.leases.tryAcquire('a', TTL_MS))
  t.is(cluster.subjectOf(['$CB', 'to', 'client', 'x']), undefined)
})
