// Queues in JetStream with three copies, while the server that leads their stream is killed: what was accepted is consumed.

import { startNatsCluster } from '../support/nats-cluster.ts'
import { natsStory } from '../support/nats-server.ts'
import { natsWorld } from '../support/nats-store-world.ts'
import { QueueRig } from '../support/queue-rig.ts'
import { RecoveryTimes, roundsOf } from '../support/recovery-times.ts'
import { StoreStorm } from '../support/store-storm.ts'

const STREAM = 'CBQ_jobs'

natsStory('store: three copies survive the stream\'s leader, and everything accepted is consumed', async t => {
  const rounds = roundsOf(2)
  t.timeout(240_000 * rounds)
  const cluster = await startNatsCluster(t)
  const world = natsWorld(cluster.urls, 'jobs', 3)
  const settings = { durability: 'fsync', ackWaitMs: 2000, retry: { maxAttempts: 0 }, maxAckPending: 1000 } as const
  const rig = await QueueRig.open(t, world, settings)
  t.is(rig.store.features.durability, 'fsync')
  const storm = new StoreStorm(rig)
  const recovery = new RecoveryTimes('the stream\'s leader killed to the next acknowledgement')
  for (let round = 0; round < rounds; round++) {
    await storm.acknowledges(500)
    const leader = await cluster.leaderOf(STREAM)
    await leader.kill()
    const killedAtMs = performance.now()
    await storm.acknowledges(200)
    recovery.since(killedAtMs)
    await leader.start()
    await cluster.untilLed()
    await storm.acknowledges(200)
  }
  await storm.ends()
  storm.complete(t)
  t.true([...storm.refused.values()].every(code => code === 'store.unavailable' || code === 'store.failed'), [...new Set(storm.refused.values())].join())
  t.log(String(recovery))
  t.log(`${storm.accepted.size} accepted, ${storm.refused.size} refused or unknown, ${[...storm.seen.values()].filter(times => times > 1).length} seen again, ${storm.back.length} of them after their acknowledgement was confirmed`)
})
