// What becomes of three brokers when something happens to the leader of JetStream: messages, and those to one client, go on; what
// brokers agree on waits for the next leader, and goes on then.

import type { ExecutionContext } from 'ava'
import { untilJoined } from './cluster-broker.ts'
import { Listener, untilHeard } from './cluster-listener.ts'
import { Sender } from './cluster-sender.ts'
import { errorCode } from './error-code.ts'
import type { NatsServer } from './nats-server.ts'
import { RecoveryTimes, roundsOf } from './recovery-times.ts'
import { settle, stoodStill, strike, threeBrokers } from './three-brokers.ts'
import { until } from './until.ts'

/** `blow` happens to the leader in each round, and `mend` brings it back. */
export async function leaderTrouble(t: ExecutionContext, blow: (leader: NatsServer) => Promise<void>, mend: (leader: NatsServer) => Promise<void>): Promise<void> {
  t.timeout(240_000 * roundsOf(1))
  const joined = await threeBrokers(t)
  const { cluster, brokers, history, serverOf } = joined
  const recovery = new RecoveryTimes('leader struck to first delivery')
  const agreement = new RecoveryTimes('leader struck to a new channel at the other broker')
  for (let round = 0; round < roundsOf(1); round++) {
    const leader = await cluster.untilLed()
    const servers = await Promise.all(brokers.map(serverOf))
    const which = Math.max(0, servers.indexOf(leader))
    const [near, far] = [brokers[which]!, brokers[(which + 1) % 3]!]
    const bob = await far.connect({ clientId: `bob-${round}` })
    const letters = await Listener.of(history, bob, `bob ${round}`, `$CB.to.client.bob-${round}`)
    const writer = Sender.of(history, near.client, `writer ${round}`, `$CB.to.client.bob-${round}`)
    await untilHeard([writer], [letters])
    writer.start()

    const struckAtMs = performance.now()
    await strike(joined, leader, joined.senders[which]!, blow, recovery)
    await letters.hears(writer, writer.sent)
    await writer.stop()

    const name = `made-${round}`
    await until(async () => ['resolved', 'channel.exists'].includes(await errorCode(near.client.call('channel.create', { name }))))
    await until(async () => (await far.client.call('channel.list')).channels.some(each => each.name === name))
    agreement.since(struckAtMs)
    const carol = await far.connect({ clientId: `carol-${round}` })
    const got = Promise.withResolvers<unknown>()
    await carol.subscribe(`$CB.to.client.carol-${round}`, { onMessage: ({ value }) => got.resolve(value) }).ready
    await until(async () => (await near.client.publish(`$CB.to.client.carol-${round}`, round, { receipt: true })).receivers === 1)
    t.is(await got.promise, round)
    const isStopped = leader.isRunning
    await mend(leader)
    await cluster.untilLed()
    if (isStopped) stoodStill(joined, struckAtMs)
    await untilJoined(...brokers)
  }
  await settle(t, joined)
  t.log(String(recovery))
  t.log(String(agreement))
}
