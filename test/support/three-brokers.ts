// Three brokers joined by a cluster of three NATS servers, with steady traffic between all of them, and what may be lost of it
// when something happens to a server.

import type { ExecutionContext } from 'ava'
import { startClusterBrokers, type ClusterBroker, untilSettled } from './cluster-broker.ts'
import { ClusterHistory } from './cluster-history.ts'
import { ClusterRequests } from './cluster-requests.ts'
import { Listener, untilHeard } from './cluster-listener.ts'
import { unexplainedLosses, untilExplained, type Trouble } from './cluster-losses.ts'
import { Sender } from './cluster-sender.ts'
import { connectNats } from './nats-client.ts'
import { startNatsCluster, type NatsCluster } from './nats-cluster.ts'
import type { NatsServer } from './nats-server.ts'
import type { RecoveryTimes } from './recovery-times.ts'
import { until } from './until.ts'

/** What a server had confirmed when it was killed may not have left it, or may not have been read: what had not come by then, and was not sent longer before. ms */
const UNSENT_MS = 10_000

/** Messages of a sender to a subscriber, or to the group, that may have been lost without a word. */
interface Excuse extends Trouble {
  readonly to: string
  readonly from: string
}

export interface ThreeBrokers {
  readonly cluster: NatsCluster
  readonly brokers: readonly ClusterBroker[]
  readonly history: ClusterHistory
  readonly senders: readonly Sender[]
  /** One subscriber at each broker, in their order. */
  readonly subscribers: readonly Listener[]
  /** Asked at each broker, answered at each by a member of one group. */
  readonly requests: ClusterRequests
  readonly excuses: Excuse[]
  /** The server that a broker is at. */
  readonly serverOf: (broker: ClusterBroker) => Promise<NatsServer>
}

/** A sender at each broker, a subscriber at each, and a group with a member at each and a plain one. Resolves when all hear all. `nats`: more of the block `bus.nats`. */
export async function threeBrokers(t: ExecutionContext, nats: object = {}): Promise<ThreeBrokers> {
  const cluster = await startNatsCluster(t)
  const brokers = await startClusterBrokers(t, 3, cluster.urls, { nats })
  const history = new ClusterHistory()
  const subscribers = await Promise.all(brokers.map(({ client }, i) => Listener.of(history, client, `at ${i}`, 'orders.*')))
  const members = await Promise.all(brokers.map(({ client }, i) => Listener.of(history, client, `member ${i}`, 'orders.*', 'work')))
  const plain = await connectNats(t, cluster.urls, { reconnect: true, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  members.push(await Listener.ofNats(history, plain, 'plain member', 'orders.*', 'work'))
  const senders = brokers.map(({ client }, i) => Sender.of(history, client, `sender ${i}`, `orders.${i}`))
  await untilHeard(senders, [...subscribers, ...members])
  const requests = new ClusterRequests()
  await Promise.all(brokers.map(({ client }) => requests.answerAt(client)))
  brokers.forEach(({ client }, i) => requests.askFrom(client, `asker ${i}`))
  for (const sender of senders) sender.start()
  const serverOf = async (broker: ClusterBroker): Promise<NatsServer> => {
    const { server } = await broker.bus()
    const found = cluster.servers.find(({ port }) => server?.endsWith(`:${port}`))
    if (found === undefined) throw new Error(`no server of the cluster is ${server}`)
    return found
  }
  return { cluster, brokers, history, senders, subscribers, requests, excuses: [], serverOf }
}

/** Everybody hears everybody again. */
async function untilAllHear(senders: readonly Sender[], listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.flatMap(listener => senders.map(sender => listener.hears(sender, sender.sent))))
}

/**
 * One round: something happens to a server, and everybody hears one of the senders again. Between brokers that were at other
 * servers nothing may be lost by it; to those that were at this one what is sent until they hear again; and from them, and to
 * the group, what the server had and did not pass on.
 */
export async function strike({ cluster, brokers, history, senders, subscribers, excuses, serverOf }: ThreeBrokers, victim: NatsServer, sender: Sender, blow: (victim: NatsServer) => Promise<void>, recovery: RecoveryTimes): Promise<void> {
  const servers = await Promise.all(brokers.map(serverOf))
  const id = await idOf(victim)
  const beforeMs = performance.now()
  const unsent = new Map(senders.map((each) => [each.name, [...subscribers.map(({ name }) => name), 'work'].map((to) => unsentSince(history, to, each, beforeMs))]))
  const fromMs = performance.now()
  const sent = sender.sent
  await blow(victim)
  const struckMs = performance.now()
  // One that stands still is taken for alive.
  const noticed = victim.isRunning ? Promise.resolve(struckMs) : untilNoticed(cluster, id)
  await Promise.all(subscribers.map(listener => listener.hears(sender, sent)))
  recovery.since(fromMs)
  await untilAllHear(senders, subscribers)
  const backMs = performance.now()
  const noticedMs = await noticed
  senders.forEach(({ name: from }, i) => {
    const since = unsent.get(from)!
    subscribers.forEach(({ name: to }, j) => {
      if (servers[j] === victim) excuses.push({ to, from, fromMs: since[j]!, toMs: backMs })
      else if (servers[i] === victim) excuses.push({ to, from, fromMs: since[j]!, toMs: struckMs })
    })
    excuses.push({ to: 'work', from, fromMs: since.at(-1)!, toMs: noticedMs })
  })
}

/** When the oldest of a sender's messages was sent that has not come yet; `nowMs` when all have. */
function unsentSince(history: ClusterHistory, to: string, sender: Sender, nowMs: number): number {
  const underWay = history.missing(to, sender.subject).filter(({ from }) => from === sender.name).map(({ n }) => sender.sentAtMs[n - 1]!)
  return Math.min(nowMs, ...underWay.filter((sentAtMs) => sentAtMs > nowMs - UNSENT_MS))
}

async function idOf(server: NatsServer): Promise<string> {
  let id: string | undefined
  await until(async () => (id = (await server.monitor<{ server_id: string }>('varz'))?.server_id) !== undefined)
  return id!
}

/** Resolves with the time when no server of the cluster has a route to that one: until then they may send to it. ms on the monotonic clock */
async function untilNoticed(cluster: NatsCluster, id: string): Promise<number> {
  await until(async () => {
    const pages = await Promise.all(cluster.running.map((server) => server.monitor<{ routes: readonly { remote_id: string }[] }>('routez')))
    return pages.every((page) => page !== undefined && page.routes.every(({ remote_id: remote }) => remote !== id))
  })
  return performance.now()
}

/** Notes that a server stood still until now: the others took it for alive, and picked members of the group behind it. */
export function stoodStill({ senders, excuses }: ThreeBrokers, fromMs: number): void {
  for (const { name: from } of senders) excuses.push({ to: 'work', from, fromMs, toMs: performance.now() })
}

/** Stops the senders, waits for what is under way, and holds what came against what was told. */
export async function settle(t: ExecutionContext, { brokers, history, senders, subscribers, requests, excuses }: ThreeBrokers): Promise<void> {
  await untilAllHear(senders, subscribers)
  await requests.stop()
  t.deepEqual(requests.problems(), [])
  t.true(requests.ended('answered') > 0, String(requests))
  await Promise.all(senders.map(sender => sender.stop()))
  const losses = (): string[] =>
    [...subscribers.map(({ name }) => name), 'work'].flatMap(to => senders.flatMap(sender => unexplainedLosses(history, to, [sender], excuses.filter(each => each.to === to && each.from === sender.name))))
  await untilExplained(t, losses, async () => {
    for (const each of excuses) t.log(JSON.stringify(each))
    for (const broker of brokers) t.log((await broker.callboard.run('logs', '--grep', 'link')).stdout)
  })
  // A member may get what waited for the link after what it was given without it.
  t.deepEqual(history.problems({ unordered: ['work'] }), [])
  await untilSettled(t, ...brokers)
  const all = senders.reduce((sum, { sent }) => sum + sent, 0)
  t.log(`${all} messages: ${history.countOf('forwarded')} forwarded, ${history.countOf('link-unknown')} link-unknown, ${history.countOf('link-down')} link-down; the group missed ${all - history.came('work')}`)
  t.log(String(requests))
}
