// Three brokers joined by a cluster of three NATS servers, and what becomes of messages when servers die or stand still.
// `npm run torture` makes it many rounds.

import type { ExecutionContext } from 'ava'
import { ClusterHistory } from '../support/cluster-history.ts'
import { Listener, Sender, unexplainedLosses, untilExplained, untilHeard, type Trouble } from '../support/cluster-traffic.ts'
import { startClusterBrokers, untilJoined, type ClusterBroker } from '../support/cluster-broker.ts'
import { startNatsCluster, type NatsCluster } from '../support/nats-cluster.ts'
import { connectNats } from '../support/nats-client.ts'
import { natsStory, type NatsServer } from '../support/nats-server.ts'
import { RecoveryTimes, roundsOf } from '../support/recovery-times.ts'

/** What a server had confirmed when it was killed may not have left it yet; and for so long others may still send to it. ms */
const UNSENT_MS = 100

interface Joined {
  readonly cluster: NatsCluster
  readonly brokers: readonly ClusterBroker[]
  readonly history: ClusterHistory
  readonly senders: readonly Sender[]
  /** One subscriber at each broker, in their order. */
  readonly subscribers: readonly Listener[]
  /** When messages for a subscriber, or for the group, may have been lost without a word. */
  readonly troubles: Map<string, Trouble[]>
  /** The server that a broker is at. */
  serverOf(broker: ClusterBroker): Promise<NatsServer>
}

/** A sender at each broker, a subscriber at each, and a group with a member at each and a plain one. */
async function join(t: ExecutionContext): Promise<Joined> {
  const cluster = await startNatsCluster(t)
  const brokers = await startClusterBrokers(t, 3, cluster.urls)
  const history = new ClusterHistory()
  const subscribers = await Promise.all(brokers.map(({ client }, i) => Listener.of(history, client, `at ${i}`, 'orders.*')))
  const members = await Promise.all(brokers.map(({ client }, i) => Listener.of(history, client, `member ${i}`, 'orders.*', 'work')))
  const plain = await connectNats(t, cluster.urls, { reconnect: true, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  members.push(await Listener.ofNats(history, plain, 'plain member', 'orders.*', 'work'))
  const senders = brokers.map(({ client }, i) => Sender.of(history, client, `sender ${i}`, `orders.${i}`))
  await untilHeard(senders, [...subscribers, ...members])
  for (const sender of senders) sender.start()
  const serverOf = async (broker: ClusterBroker): Promise<NatsServer> => {
    const { server } = await broker.bus()
    const found = cluster.servers.find(({ port }) => server?.endsWith(`:${port}`))
    if (found === undefined) throw new Error(`no server of the cluster is ${server}`)
    return found
  }
  return { cluster, brokers, history, senders, subscribers, troubles: new Map([...subscribers.map(({ name }) => name), 'work'].map(to => [to, []])), serverOf }
}

/** Everybody hears everybody again. */
async function untilAllHear(senders: readonly Sender[], listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.flatMap(listener => senders.map(sender => listener.hears(sender, sender.sent))))
}

/**
 * One round: something happens to the server of a broker, whose messages then reach everybody by another one. Notes for
 * whom messages may have been lost meanwhile: for the subscribers of the brokers at that server until they hear again,
 * for others only what the server had and had not passed on.
 */
async function strike({ brokers, senders, subscribers, troubles, serverOf }: Joined, which: number, blow: (victim: NatsServer) => Promise<void>, recovery: RecoveryTimes): Promise<NatsServer> {
  const sender = senders[which]!
  const servers = await Promise.all(brokers.map(serverOf))
  const victim = servers[which]!
  const fromMs = performance.now()
  const sent = sender.sent
  await blow(victim)
  const struckMs = performance.now()
  await Promise.all(subscribers.map(listener => listener.hears(sender, sent)))
  recovery.since(fromMs)
  await untilAllHear(senders, subscribers)
  const backMs = performance.now()
  subscribers.forEach(({ name }, i) => troubles.get(name)!.push({ fromMs: fromMs - UNSENT_MS, toMs: servers[i] === victim ? backMs : struckMs }))
  troubles.get('work')!.push({ fromMs: fromMs - UNSENT_MS, toMs: struckMs + UNSENT_MS })
  return victim
}

async function settle(t: ExecutionContext, { brokers, history, senders, subscribers, troubles }: Joined): Promise<void> {
  await untilAllHear(senders, subscribers)
  await Promise.all(senders.map(sender => sender.stop()))
  const losses = (): string[] => [...troubles].flatMap(([to, times]) => unexplainedLosses(history, to, senders, times))
  await untilExplained(t, losses)
  // A member may get what waited for the link after what it was given without it.
  t.deepEqual(history.problems({ unordered: ['work'] }), [])
  for (const broker of brokers) t.like(await broker.stats(), { balanced: true, pending: 0 })
  const all = history.published()
  t.log(`${all} messages: ${history.countOf('forwarded')} forwarded, ${history.countOf('link-unknown')} link-unknown, ${history.countOf('link-down')} link-down; the group missed ${all - history.came('work')}`)
}

natsStory('servers: one that is killed is replaced by another within a second, and nothing comes twice or out of order', async t => {
  t.timeout(60_000 * roundsOf(1))
  const joined = await join(t)
  const recovery = new RecoveryTimes('server killed to first delivery')
  for (let round = 0; round < roundsOf(3); round++) {
    const victim = await strike(joined, round % 3, server => server.kill(), recovery)
    await victim.start()
    await joined.cluster.untilLed()
    await untilJoined(...joined.brokers)
  }
  await settle(t, joined)
  t.log(String(recovery))
  t.true(recovery.medianMs < 1000, String(recovery))
})

natsStory('servers: one that stands still is left after two pings, and what it delivers when it goes on is not taken any more', async t => {
  t.timeout(60_000 * roundsOf(1))
  const joined = await join(t)
  const recovery = new RecoveryTimes('server stopped to first delivery')
  for (let round = 0; round < roundsOf(2); round++) {
    const fromMs = performance.now()
    const victim = await strike(joined, round % 3, server => server.freeze(), recovery)
    await victim.thaw()
    await joined.cluster.untilLed()
    // The others take it for alive, and pick members behind it.
    joined.troubles.get('work')!.push({ fromMs, toMs: performance.now() })
    await untilJoined(...joined.brokers)
  }
  await settle(t, joined)
  t.log(String(recovery))
  t.true(recovery.medianMs < 3000, String(recovery))
})
