// The leader of JetStream is killed: messages, and those to one client, go on at once; what brokers agree on waits for the
// next leader, and goes on then.

import { untilJoined } from '../support/cluster-broker.ts'
import { Listener, Sender, untilHeard } from '../support/cluster-traffic.ts'
import { errorCode } from '../support/error-code.ts'
import { natsStory } from '../support/nats-server.ts'
import { RecoveryTimes, roundsOf } from '../support/recovery-times.ts'
import { settle, strike, threeBrokers } from '../support/three-brokers.ts'
import { until } from '../support/until.ts'

natsStory('leader: when it is killed messages go on at once, and new channels and clients are known as soon as there is another', async t => {
  t.timeout(60_000 * roundsOf(1))
  const joined = await threeBrokers(t)
  const { cluster, brokers, history, serverOf } = joined
  const recovery = new RecoveryTimes('leader killed to first delivery')
  const agreement = new RecoveryTimes('leader killed to a new channel at the other broker')
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

    const killedAtMs = performance.now()
    await strike(joined, leader, joined.senders[which]!, server => server.kill(), recovery)
    await letters.hears(writer, writer.sent)
    await writer.stop()

    const name = `made-${round}`
    await until(async () => ['resolved', 'channel.exists'].includes(await errorCode(near.client.call('channel.create', { name }))))
    await until(async () => (await far.client.call('channel.list')).channels.some(each => each.name === name))
    agreement.since(killedAtMs)
    const carol = await far.connect({ clientId: `carol-${round}` })
    const got = Promise.withResolvers<unknown>()
    await carol.subscribe(`$CB.to.client.carol-${round}`, { onMessage: ({ value }) => got.resolve(value) }).ready
    await until(async () => (await near.client.publish(`$CB.to.client.carol-${round}`, round, { receipt: true })).receivers === 1)
    t.is(await got.promise, round)
    await leader.start()
    await cluster.untilLed()
    await untilJoined(...brokers)
  }
  await settle(t, joined)
  t.log(String(recovery))
  t.log(String(agreement))
})
