// Two brokers, one of them behind a network that delays, narrows and cuts: what comes, and what is told.

import type { ExecutionContext } from 'ava'
import { PATIENT, startClusterBroker, untilJoined, untilSettled } from '../support/cluster-broker.ts'
import { badNetwork, settle } from '../support/bad-network.ts'
import { ClusterHistory } from '../support/cluster-history.ts'
import { Listener, untilHeard } from '../support/cluster-listener.ts'
import { unexplainedLosses, untilExplained } from '../support/cluster-losses.ts'
import { Sender } from '../support/cluster-sender.ts'
import { natsStory, startNatsServer } from '../support/nats-server.ts'
import { RecoveryTimes, roundsOf } from '../support/recovery-times.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { withMoreTime } from '../support/with-more-time.ts'

natsStory('network: over a slow way that swerves, all comes once and in order', async t => {
  const joined = await badNetwork(t, { nats: PATIENT })
  joined.proxy.delay(15, 30)
  await joined.remote.hears(joined.sender, joined.sender.sent + 1000)
  joined.proxy.delay(0)
  await settle(t, joined)
  t.is(joined.history.came('remote'), joined.sender.sent)
})

natsStory('network: a narrow way holds back who sends, is not taken for a dead one, and loses nothing', async t => {
  t.true(await withMoreTime(500, pingMs => narrow(t, pingMs)))
})

// For four times as long as a server is asked whether it is there. False: it was taken for a dead one, as a server is that gets no processor.
async function narrow(t: ExecutionContext, pingMs: number): Promise<boolean> {
  // Each message has 8 KiB: 4 in 2 ms are five times what passes.
  const joined = await badNetwork(t, { sender: { padBytes: 8192 }, nats: { pingInterval: `${pingMs}ms` } })
  const { one, proxy, remote, sender, history } = joined
  proxy.limit(3_000_000)
  const [atMs, sent] = [performance.now(), sender.sent]
  await remote.hears(sender, sent + 2 * pingMs)
  // Less what the network took before.
  t.true(performance.now() - atMs >= 4 * pingMs, 'the way was narrow')
  proxy.limit(Infinity)
  await settle(t, joined)
  const { down, unknown } = (await one.bus()).lost
  if (down + unknown > 0) return false
  t.is(history.came('remote'), sender.sent)
  return true
}

for (const how of ['reset', 'end'] as const) {
  natsStory(`network: a link cut by ${how === 'reset' ? 'a reset' : 'an end'} is back within a second; what was under way is told as unknown, what waited comes`, async t => {
    const joined = await badNetwork(t)
    const { one, proxy, sender, local, remote } = joined
    const recovery = new RecoveryTimes('cut to first delivery')
    while (recovery.isDue(roundsOf(3), 1000)) {
      // A link that is lost again and again at once is tried again with pauses.
      await until(async () => (await one.bus()).sinceMs > 1000)
      const [atMs, sent] = [performance.now(), sender.sent]
      proxy.cut(how)
      await local.hears(sender, sent)
      await remote.hears(sender, sent)
      recovery.since(atMs)
    }
    await settle(t, joined)
    t.log(String(recovery))
    t.true(recovery.medianMs < 1000, String(recovery))
  })
}

natsStory('network: while the link is away messages are held up to the bound; beyond it the oldest are told as dropped', async t => {
  const server = await startNatsServer(t)
  const proxy = await TcpProxy.start(t, server.port)
  const [one, two] = [await startClusterBroker(t, proxy.url, { nats: { ...PATIENT, hold: { bytes: '1mb', time: '30s' } } }), await startClusterBroker(t, server.url, { nats: PATIENT })]
  await untilJoined(one, two)
  const history = new ClusterHistory()
  const remote = await Listener.of(history, two.client, 'remote', 'orders.*')
  const sender = Sender.of(history, one.client, 'sender', 'orders.a', { burst: 40 })
  await untilHeard([sender], [remote])
  proxy.refuse()
  await until(async () => (await one.bus()).state !== 'joined')
  sender.start()
  await until(() => history.countOf('link-down') > 100)
  const stopped = sender.stop()
  proxy.accept()
  await stopped
  await untilExplained(t, () => unexplainedLosses(history, 'remote', [sender]))
  t.deepEqual(history.problems({ remote: ['remote'] }), [])
  const missing = history.missing('remote', 'orders.a')
  // The oldest: whatever is missing was sent before whatever came.
  t.deepEqual(missing.map(({ n }) => n), missing.map((_, i) => i + 1))
  t.is(history.came('remote') + missing.length, sender.sent)
  await untilSettled(t, one)
})
