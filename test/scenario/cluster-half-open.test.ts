// Two brokers, one of them behind a connection that stays open and carries nothing any more: found dead by its pings, replaced,
// and nothing told wrong.

import { untilJoined } from '../support/cluster-broker.ts'
import { badNetwork, settle } from '../support/bad-network.ts'
import { natsStory } from '../support/nats-server.ts'
import { roundsOf } from '../support/recovery-times.ts'
import { until } from '../support/until.ts'

for (const way of ['up', 'down', 'both'] as const) {
  natsStory(`half-open: a link that carries nothing (${way}) is found dead by its pings; local delivery goes on, and nothing is sent twice`, async t => {
    const joined = await badNetwork(t)
    const { one, two, proxy, sender, local, remote } = joined
    for (let round = 0; round < roundsOf(1); round++) {
      const atMs = performance.now()
      proxy.stall(way)
      await until(async () => (await one.bus()).state !== 'joined')
      t.log(`found dead after ${Math.round(performance.now() - atMs)} ms`)
      await local.hears(sender, sender.sent + 100)
      proxy.flow()
      await untilJoined(one, two)
      await remote.hears(sender, sender.sent)
    }
    await settle(t, joined)
  })
}

natsStory('half-open: the server end lost without a word is found by the pings as well', async t => {
  const joined = await badNetwork(t)
  const { one, proxy, sender, local, remote } = joined
  const sent = sender.sent
  proxy.lose()
  await until(async () => (await one.bus()).state !== 'joined')
  await local.hears(sender, sent)
  await remote.hears(sender, sender.sent)
  await settle(t, joined)
})
