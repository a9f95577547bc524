// The bus of a broker that joins NATS servers: what routing asks, the link's actor, and what is told of both. Loaded only where the
// configuration asks for it.

import { hostname } from 'node:os'
import type { Connection, ConnectionEvent } from '../broker/connection.ts'
import type { BusStatus } from '../broker/ground/api.ts'
import type { ChannelShare, SharedChannelHost } from '../broker/ground/channel-share.ts'
import type { NatsBusSettings } from '../broker/ground/settings.ts'
import type { Pipeline } from '../broker/pipeline.ts'
import { PresentClients } from '../broker/present-clients.ts'
import { ClusterState } from '../broker/upstream/nats/cluster-state.ts'
import { readCredentials } from '../broker/upstream/nats/credentials.ts'
import { NatsBus } from '../broker/upstream/nats/nats-bus.ts'
import type { NatsLink } from '../broker/upstream/nats/nats-link.ts'
import type { Environment } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'
import { linkChild } from './link-child.ts'

export interface JoinedBus {
  readonly child: ChildSpec
  /** Through which channels are created and deleted, so that all have them. */
  readonly share: ChannelShare
  status(): BusStatus
  /** An edge in a connection's life: the other brokers are told who is here. */
  connectionEvent(connection: Connection, event: ConnectionEvent): void
}

/**
 * Makes the pipeline's bus lead to the servers. The link itself begins with its actor; `channels` is asked for once it has.
 * @throws BrokerError `config.invalid`
 */
export async function joinBus(settings: NatsBusSettings, pipeline: Pipeline, version: string, channels: () => SharedChannelHost, environment: Environment): Promise<JoinedBus> {
  // A wrong path is a mistake of the configuration, and told at once.
  await readCredentials(settings.credentialsFile)
  const { core } = pipeline
  const bus = new NatsBus(settings, core.broker)
  core.bus = bus
  const clients = new PresentClients(core)
  const self = { broker: core.broker, name: settings.name ?? `callboard-${core.broker}`, host: hostname(), pid: process.pid, version }
  const cluster = new ClusterState({ self, clients, channels, clock: core.clock, log: environment.log })
  core.presence = cluster.presence
  core.leases = cluster.leases
  bus.addresses = cluster
  bus.users.push(cluster)
  let link: NatsLink | undefined
  return {
    child: linkChild({ settings, bus, pipeline, version, onLink: (current) => (link = current), onDrain: () => cluster.leave() }, environment),
    share: cluster.channels,
    connectionEvent(connection, event) {
      if (connection === core.busConnection) return
      if (event === 'authenticated') cluster.presence.came(clients.present(connection))
      else if (event === 'draining' || event === 'closed') cluster.presence.left(connection.client)
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
