// Three brokers joined by a cluster of three NATS servers, and what becomes of messages when servers die or stand still.
// `npm run torture` makes it many rounds.

import { PATIENT, untilJoined } from '../support/cluster-broker.ts'
import { natsStory } from '../support/nats-server.ts'
import { RecoveryTimes, roundsOf } from '../support/recovery-times.ts'
import { settle, stoodStill, strike, threeBrokers } from '../support/three-brokers.ts'

natsStory('servers: one that is killed is replaced by another within a second, and nothing comes twice or out of order', async t => {
  t.timeout(240_000 * roundsOf(1))
  const joined = await threeBrokers(t, PATIENT)
  const recovery = new RecoveryTimes('server killed to first delivery')
  for (let round = 0; recovery.isDue(roundsOf(2), 1000); round++) {
    const victim = await joined.serverOf(joined.brokers[round % 3]!)
    await strike(joined, victim, joined.senders[round % 3]!, server => server.kill(), recovery)
    await victim.start()
    await joined.cluster.untilLed()
    await untilJoined(...joined.brokers)
  }
  await settle(t, joined)
  t.log(String(recovery))
  t.true(recovery.medianMs < 1000, String(recovery))
})

natsStory('servers: one that stands still is left after two pings, and what it delivers when it goes on is not taken any more', async t => {
  t.timeout(240_000 * roundsOf(1))
  const joined = await threeBrokers(t)
  const recovery = new RecoveryTimes('server stopped to first delivery')
  for (let round = 0; recovery.isDue(roundsOf(2), 5000); round++) {
    const fromMs = performance.now()
    const victim = await joined.serverOf(joined.brokers[round % 3]!)
    await strike(joined, victim, joined.senders[round % 3]!, server => server.freeze(), recovery)
    await victim.thaw()
    await joined.cluster.untilLed()
    stoodStill(joined, fromMs)
    await untilJoined(...joined.brokers)
  }
  await settle(t, joined)
  t.log(String(recovery))
  t.true(recovery.medianMs < 5000, String(recovery))
})
