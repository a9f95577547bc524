// The bus of a broker that joins NATS servers: what routing asks, the link's actor, and what is told of both. Loaded only where the
// configuration asks for it.

import type { BusStatus } from '../broker/ground/api.ts'
import type { NatsBusSettings } from '../broker/ground/settings.ts'
import type { Pipeline } from '../broker/pipeline.ts'
import { readCredentials } from '../broker/upstream/nats/credentials.ts'
import { NatsBus } from '../broker/upstream/nats/nats-bus.ts'
import type { NatsLink } from '../broker/upstream/nats/nats-link.ts'
import type { Environment } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'
import { linkChild } from './link-child.ts'

export interface JoinedBus {
  readonly child: ChildSpec
  status(): BusStatus
}

/**
 * Makes the pipeline's bus lead to the servers. The link itself begins with its actor.
 * @throws BrokerError `config.invalid`
 */
export async function joinBus(settings: NatsBusSettings, pipeline: Pipeline, version: string, environment: Environment): Promise<JoinedBus> {
  // A wrong path is a mistake of the configuration, and told at once.
  await readCredentials(settings.credentialsFile)
  const { core } = pipeline
  const bus = new NatsBus(settings, core.broker)
  core.bus = bus
  let link: NatsLink | undefined
  return {
    child: linkChild({ settings, bus, pipeline, version, onLink: (current) => (link = current) }, environment),
    status() {
      const { forwarded, dropped } = core.accounts.totals()
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
        patterns,
        groups,
        forwarded,
        held: outbound?.pendingMessages ?? 0,
        lost: { down: dropped['link-down'], unknown: dropped['link-unknown'] },
        strays: found?.strays ?? 0,
        late: found?.late ?? 0,
        unsent: found?.unsent ?? 0,
      }
    },
  }
}
