// The bus of a broker that joins NATS servers: what routing asks, the link's actor, and what is told of both. Loaded only where the
// configuration asks for it.

import { hostname } from 'node:os'
import type { Connection, ConnectionEvent } from '../broker/connection.ts'
import type { BusStatus } from '../broker/ground/api.ts'
import type { ChannelShare, SharedChannelHost } from '../broker/ground/channel-share.ts'
import type { MovedArrival, MovedBus, MovedLink } from '../broker/ground/handover.ts'
import type { NatsBusSettings } from '../broker/ground/settings.ts'
import type { Pipeline } from '../broker/pipeline.ts'
import { PresentClients } from '../broker/present-clients.ts'
import type { Forward } from '../broker/upstream/nats/arrivals.ts'
import { ClusterState } from '../broker/upstream/nats/cluster-state.ts'
import { readCredentials } from '../broker/upstream/nats/credentials.ts'
import { NatsBus } from '../broker/upstream/nats/nats-bus.ts'
import type { NatsLink } from '../broker/upstream/nats/nats-link.ts'
import type { Environment } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'
import { linkChild } from './link-child.ts'
import { waitUntil } from './wait-until.ts'

/** Time for messages to find their way from other servers of a cluster, where the next process has joined another one than the process before. ms */
const SPREAD_MS = 200

export interface JoinedBus {
  readonly child: ChildSpec
  /** Through which channels are created and deleted, so that all have them. */
  readonly share: ChannelShare
  status(): BusStatus
  /** An edge in a connection's life: the other brokers are told who is here. */
  connectionEvent(connection: Connection, event: ConnectionEvent): void
  /** From now on what comes is kept. */
  keep(): void
  /** Another process is about to take over: nothing is told to the other brokers. What it goes on with; undefined: there is no link. */
  hold(): MovedLink | undefined
  /** All that was kept is here, and this process speaks for the broker: no other one takes over, or the one before has let go. */
  goOn(): void
  /** Another process has taken over: what was kept and what comes goes there. */
  leave(forward: Forward): void
  /** That one is joined: resolves when this one is not, and all that came was passed on. */
  letGo(): Promise<void>
  /** The process before this one does not come back: this one joins the servers. */
  join(): void
  /** What came to the process before this one. */
  arrived(arrivals: readonly MovedArrival[]): void
  /** Resolves with true when it is joined, and all that is wanted here is known to the servers; with false when `limitMs` are over. */
  isJoined(limitMs: number): Promise<boolean>
}

/**
 * Makes the pipeline's bus lead to the servers. The link itself begins with its actor; `channels` is asked for once it has.
 * `moved`: what the process of this broker before this one had.
 * @throws BrokerError `config.invalid`
 */
export async function joinBus(settings: NatsBusSettings, pipeline: Pipeline, version: string, channels: () => SharedChannelHost, environment: Environment, moved?: MovedBus): Promise<JoinedBus> {
  // A wrong path is a mistake of the configuration, and told at once.
  await readCredentials(settings.credentialsFile)
  const { core } = pipeline
  const bus = new NatsBus(settings, core.broker)
  core.bus = bus
  const clients = new PresentClients(core)
  const self = { broker: core.broker, name: settings.name ?? `callboard-${core.broker}`, host: hostname(), pid: process.pid, version }
  const cluster = new ClusterState({ self, clients, channels, clock: core.clock, log: environment.log, instance: moved?.link.instance })
  core.presence = cluster.presence
  core.leases = cluster.leases
  bus.addresses = cluster
  bus.users.push(cluster)
  let link: NatsLink | undefined
  let mayJoin = moved === undefined
  return {
    child: linkChild({ settings, bus, pipeline, version, moved, mayJoin: () => mayJoin, onLink: (current) => (link = current), onDrain: () => cluster.leave() }, environment),
    share: cluster.channels,
    connectionEvent(connection, event) {
      if (connection === core.busConnection) return
      // In a moment: one that comes from the process before this one is in the directory then, and of its agent.
      if (event === 'authenticated') queueMicrotask(() => cluster.presence.came(clients.present(connection)))
      else if (event === 'draining' || event === 'closed') cluster.presence.left(connection.client)
    },
    keep: () => link?.arrivals.keep(),
    hold() {
      const instance = cluster.hold()
      // A link that is made anew in this process joins no server either.
      mayJoin = false
      return link && { ...link.moved(), instance }
    },
    goOn() {
      link?.goOn()
      // One that was made meanwhile.
      if (!mayJoin) link?.join()
      mayJoin = true
      cluster.goOn()
    },
    leave(forward) {
      void cluster.leases.close()
      link?.leave(forward)
    },
    letGo: async () => link?.letGo(),
    join() {
      mayJoin = true
      link?.join()
    },
    arrived: (arrivals) => link?.arrivals.cameBefore(arrivals),
    async isJoined(limitMs) {
      const isJoined = await waitUntil(() => link?.status().state === 'joined', limitMs, environment)
      await new Promise<void>((resolve) => bus.settled(resolve))
      const server = link?.status().server
      if (isJoined && server !== undefined && moved?.link.server !== undefined && server !== moved.link.server) await new Promise<void>((resolve) => void environment.clock.after(SPREAD_MS, resolve))
      return isJoined
    },
    status() {
      const { forwarded } = core.accounts.totals()
      const { patterns, groups } = bus.interest.counts
      const found = link?.status()
      const outbound = core.busConnection?.outbound
      return {
        state: found?.state ?? 'connecting',
        ...(found?.server === undefined ? {} : { server: found.server }),
        ...(found?.serverName === undefined ? {} : { serverName: found.serverName }),
        sinceMs: found?.sinceMs ?? 0,
        rttMs: Math.round((found?.rttMs ?? 0) * 1000) / 1000,
        ...(found?.problem === undefined ? {} : { problem: found.problem }),
        peers: found?.peers ?? 0,
        patterns,
        groups,
        forwarded,
        held: outbound?.pendingMessages ?? 0,
        lost: { down: outbound?.dropped?.['link-down'] ?? 0, unknown: outbound?.dropped?.['link-unknown'] ?? 0 },
        strays: found?.strays ?? 0,
        late: found?.late ?? 0,
        unsent: found?.unsent ?? 0,
        cluster: cluster.status(),
      }
    },
  }
}
