// Brokers as processes that have joined NATS servers, each with a client of the test's.

import type { ExecutionContext } from 'ava'
import type { Client } from '../../client/index.ts'
import type { BrokerStats, BusStatus } from '../../broker/ground/api.ts'
import { startBrokerProcess, type BrokerProcess } from './broker.ts'
import type { Teardown } from './temporary-directory.ts'
import { until } from './until.ts'

export interface ClusterBroker extends BrokerProcess {
  /** The owner's, connected to it. */
  readonly client: Client
  /** What `callboard status` says of the link. */
  bus(): Promise<BusStatus>
  stats(): Promise<BrokerStats>
}

/** Of the block `bus.nats`, where no server stands still: by default one that gets no processor for a second is given up, with what is on its way. */
export const PATIENT = { pingInterval: '1m' }

interface JoinedOptions {
  /** More of the block `bus.nats`. */
  readonly nats?: object
  /** More of the configuration. */
  readonly config?: object & { readonly ipc?: object & { readonly limits?: object } }
  /** A home that was there before. */
  readonly home?: string
}

/** A client of these stories is a test process that moves the bytes of a network, too: one that reads nothing for a moment is not ended for it. */
const LIMITS = { stallTimeout: '1m' }

/** Resolves when the broker runs; its link may still be on its way. */
export async function startClusterBroker(t: Teardown, servers: string | readonly string[], { nats = {}, config = {}, home }: JoinedOptions = {}): Promise<ClusterBroker> {
  const broker = await startBrokerProcess(t, { config: { ...config, ipc: { ...config.ipc, limits: { ...LIMITS, ...config.ipc?.limits } }, bus: { nats: { servers: [servers].flat(), ...nats } } }, ...(home === undefined ? {} : { home }) })
  // Another connection than the one whose messages a story may hold up.
  const [client, watcher] = [await broker.connect(), await broker.connect()]
  return Object.assign(broker, {
    client,
    bus: async () => (await watcher.call('status')).bus!,
    stats: () => watcher.call('stats'),
  })
}

/** Resolves when each of these brokers says that its link is up. */
export async function untilJoined(...brokers: readonly ClusterBroker[]): Promise<void> {
  for (const broker of brokers) await until(async () => (await broker.bus()).state === 'joined')
}

/** Resolves when each of them has delivered, or counted as lost, all that it had accepted; their books must balance then. */
export async function untilSettled(t: ExecutionContext, ...brokers: readonly ClusterBroker[]): Promise<void> {
  for (const broker of brokers) {
    await until(async () => (await broker.stats()).pending === 0)
    t.true((await broker.stats()).balanced)
  }
}

/** Several that have joined, all with these servers. */
export async function startClusterBrokers(t: Teardown, count: number, servers: string | readonly string[], options: JoinedOptions = {}): Promise<ClusterBroker[]> {
  const brokers = await Promise.all(Array.from({ length: count }, () => startClusterBroker(t, servers, options)))
  await untilJoined(...brokers)
  return brokers
}
