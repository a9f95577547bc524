// Brokers in this process that are joined to NATS servers.

import { setTimeout as delay } from 'node:timers/promises'
import type { BusStatus } from '../../broker/ground/api.ts'
import type { Client, ConnectOptions } from '../../client/index.ts'
import { startBroker, type LocalBroker } from './broker.ts'
import type { Teardown } from './temporary-directory.ts'
import { until } from './until.ts'

const LOOK_MS = 5
/** Of clients: a busy machine may take its time to answer. */
const PATIENT: ConnectOptions = { requestTimeoutMs: 60_000 }

export interface JoinOptions {
  /** More of the block `bus.nats`. */
  readonly bus?: object
  /** More of the configuration. */
  readonly config?: object
  /** A home that was there before. default: a new one */
  readonly home?: string
  /** false: it is not waited for. */
  readonly isReachable?: boolean
}

/** By default two answers that come half a second late cost the link. Stories of servers that stand still say how soon that is noticed. */
const PATIENT_LINK = { pingInterval: '10s' }

/** A broker that is joined to these servers. */
export async function joinedBroker(t: Teardown, servers: readonly string[], { bus = {}, config = {}, home, isReachable = true }: JoinOptions = {}): Promise<LocalBroker> {
  const broker = await startBroker(t, { ...(home === undefined ? {} : { home }), config: { ...config, bus: { nats: { servers, ...PATIENT_LINK, ...bus } } } })
  if (isReachable) await reaches(await broker.connect(PATIENT), 'joined')
  return broker
}

/** Waits until the broker's link is in that state. */
export async function reaches(client: Client, state: BusStatus['state']): Promise<BusStatus> {
  for (;;) {
    const { bus } = await client.call('status')
    if (bus?.state === state) return bus
    await delay(LOOK_MS)
  }
}

/** Waits until the servers know that so many patterns and groups are wanted of them, and have what was said before. */
export async function wants(client: Client, patterns: number, groups = 0): Promise<void> {
  await until(async () => {
    const { bus } = await client.call('status')
    return bus?.patterns === patterns && bus.groups === groups
  })
}

/** Waits until the broker knows all of so many others, and who is where. */
export async function knows(client: Client, others: number): Promise<void> {
  await until(async () => {
    const { bus } = await client.call('status')
    return bus?.cluster.problem === undefined && bus?.cluster.brokers.length === others
  })
}

/** Brokers that know of each other, and an owner's client at each. */
export async function joinedBrokers(t: Teardown, servers: readonly string[], options: readonly JoinOptions[]): Promise<{ readonly broker: LocalBroker; readonly client: Client }[]> {
  const brokers = await Promise.all(options.map(each => joinedBroker(t, servers, each)))
  return Promise.all(
    brokers.map(async broker => {
      const client = await broker.connect(PATIENT)
      await knows(client, brokers.length - 1)
      return { broker, client }
    }),
  )
}
