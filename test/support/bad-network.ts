// Two brokers joined by one NATS server, one of them over a proxy, with a steady sender there. The server lives all the time, so
// that every message must be where its sender was told, and each loss must be told.

import type { ExecutionContext } from 'ava'
import { PATIENT, startClusterBroker, untilJoined, type ClusterBroker, untilSettled } from './cluster-broker.ts'
import { ClusterHistory } from './cluster-history.ts'
import { Listener, untilHeard } from './cluster-listener.ts'
import { unexplainedLosses, untilExplained } from './cluster-losses.ts'
import { Sender, type SenderOptions } from './cluster-sender.ts'
import { startNatsServer } from './nats-server.ts'
import { TcpProxy } from './tcp-proxy.ts'
import { until } from './until.ts'

/** So that these messages have an account of their own. */
const CHANNEL = { channels: [{ name: 'orders', mode: 'pubsub' }] }

export interface BadNetwork {
  /** Its link goes over the proxy. */
  readonly one: ClusterBroker
  readonly two: ClusterBroker
  readonly proxy: TcpProxy
  readonly history: ClusterHistory
  readonly sender: Sender
  /** A client beside the sender, and one at the other broker. */
  readonly local: Listener
  readonly remote: Listener
}

/** Resolves when both listeners hear the sender, which goes on until `settle()`. */
export async function badNetwork(t: ExecutionContext, options: { readonly sender?: SenderOptions; readonly nats?: object } = {}): Promise<BadNetwork> {
  const server = await startNatsServer(t)
  const proxy = await TcpProxy.start(t, server.port)
  const [one, two] = await Promise.all([startClusterBroker(t, proxy.url, { config: CHANNEL, nats: options.nats ?? {} }), startClusterBroker(t, server.url, { config: CHANNEL, nats: PATIENT })])
  await untilJoined(one, two)
  const history = new ClusterHistory()
  const [local, remote] = [await Listener.of(history, one.client, 'local', 'orders.*'), await Listener.of(history, two.client, 'remote', 'orders.*')]
  const sender = Sender.of(history, one.client, 'sender', 'orders.a', options.sender)
  await untilHeard([sender], [local, remote])
  // Nothing that is in no history is under way any more.
  await until(async () => (await one.stats()).pending === 0)
  sender.start()
  return { one, two, proxy, history, sender, local, remote }
}

/** Stops the sender, waits for what is under way, and holds what came against what was told. */
export async function settle(t: ExecutionContext, { one, two, history, sender, local, remote }: BadNetwork): Promise<void> {
  await Promise.all([local.hears(sender, sender.sent), remote.hears(sender, sender.sent)])
  await sender.stop()
  await untilExplained(t, () => [...unexplainedLosses(history, 'local', [sender]), ...unexplainedLosses(history, 'remote', [sender])])
  t.deepEqual(history.problems({ remote: ['remote'] }), [])
  t.is(history.came('local'), sender.sent)
  await untilSettled(t, one, two)
  const { forwarded, dropped } = (await one.stats()).channels.find(({ name }) => name === 'orders')!
  t.is(dropped['link-unknown'], history.countOf('link-unknown'))
  t.is(dropped['link-down'], history.countOf('link-down'))
  // Probes went before.
  t.true(forwarded >= history.countOf('forwarded'))
  t.log(`${sender.sent} messages: ${history.countOf('forwarded')} forwarded, ${history.countOf('link-unknown')} link-unknown, ${history.countOf('link-down')} link-down, ${history.came('remote')} came`)
}

