// What brokers share over a cluster of three real NATS servers with JetStream, while servers die.

import { systemClock } from '../../broker/ground/clock.ts'
import { KvBucket } from '../../broker/upstream/nats/kv-bucket.ts'
import { KvLeases, leaseBucket } from '../../broker/upstream/nats/kv-leases.ts'
import { SharingBroker } from '../support/channel-rig.ts'
import { connectNats } from '../support/nats-client.ts'
import { startNatsCluster } from '../support/nats-cluster.ts'
import { natsTest } from '../support/nats-server.ts'
import { joinPresence } from '../support/presence-rig.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { until } from '../support/until.ts'

natsTest('joined servers: who is where is followed on when the server that told it dies', async t => {
  const cluster = await startNatsCluster(t)
  const first = cluster.servers[0]!
  const one = await joinPresence(t, first.url, 'one')
  t.is(one.presence.replicas, 3)
  one.connect('before')
  const leader = await cluster.leaderOf('KV_callboard_clients')
  // Neither is at the server that dies.
  const [here, there] = cluster.besides(leader)
  const [two, three] = [await joinPresence(t, here!.url, 'two'), await joinPresence(t, there!.url, 'three')]
  await until(() => three.reach('before') === '$CB.bus.one.to.client.before')
  if (leader === first) one.presence.close()
  await leader.kill()
  two.connect('after')
  await until(() => three.reach('after') === '$CB.bus.two.to.client.after')
  two.leave('after')
  await until(() => three.reach('after') === undefined)
  t.deepEqual([...two.ended, ...three.ended], [])
})

natsTest('joined servers: a holder keeps its lease while the leader of its bucket dies, and nobody else gets it', async t => {
  const cluster = await startNatsCluster(t)
  const make = async (url: string, broker: string): Promise<[KvLeases, KvBucket]> => {
    const bucket = new KvBucket(leaseBucket, systemClock)
    await bucket.open(await connectNats(t, url))
    const leases = new KvLeases({ bucket, broker, clock: systemClock, log: recordedLog() })
    t.teardown(() => leases.close())
    return [leases, bucket]
  }
  const [, scout] = await make(cluster.servers[0]!.url, 'scout')
  t.is(scout.replicas, 3)
  const leader = await cluster.leaderOf('KV_callboard_leases')
  const [here, there] = cluster.besides(leader)
  const [[holder, bucket], [contender]] = [await make(here!.url, 'holder'), await make(there!.url, 'contender')]
  const lease = (await holder.tryAcquire('connector.mail', 30_000))!
  await leader.kill()
  let isOver = false
  const contending = until(async () => isOver || (await contender.tryAcquire('connector.mail', 30_000).catch(() => undefined)) !== undefined)
  // Renewed by those who are left.
  await until(async () => ((await bucket.get('connector.mail').catch(() => undefined))?.revision ?? 0) > lease.token)
  t.true(lease.isHeld)
  isOver = true
  await contending
  t.deepEqual(contender.held(), [])
  await lease.release()
  t.true((await contender.acquire('connector.mail', 30_000)).token > lease.token)
})

natsTest('joined servers: channels are there after all servers were killed, one after the other', async t => {
  const cluster = await startNatsCluster(t)
  const [one, two] = [new SharingBroker('one'), new SharingBroker('two')]
  await one.join(t, cluster.urls[0]!)
  await two.join(t, cluster.urls[1]!)
  t.is(two.channels.replicas, 3)
  await one.create('alarm', 'broadcast')
  await until(() => two.list.length === 1)
  await Promise.all([one.part(), two.part()])
  for (const server of cluster.servers) {
    await server.kill()
    await server.start()
    await cluster.untilLed()
  }
  const late = new SharingBroker('late')
  await until(() => late.join(t, cluster.urls[2]!).then(() => true, () => false))
  await until(() => late.list.length === 1)
  t.deepEqual(late.list, ['alarm broadcast'])
})
