// The agents of a broker with all that looks after them: crash reports, probes, desired state. Starts none.

import { join } from 'node:path'
import type { AgentGround } from '../agents/agent-ground.ts'
import { DesiredState } from '../agents/desired-state.ts'
import { LocalAgent, type AgentCredential, type LocalAgentOptions } from '../agents/local-agent.ts'
import type { HomePaths } from '../broker/ground/home.ts'
import type { Settings } from '../broker/ground/settings.ts'
import type { Pipeline } from '../broker/pipeline.ts'
import type { Environment } from './behaviour.ts'
import { CrashReports } from './crash-reports.ts'
import { Fleet } from './fleet.ts'
import { Probing, probingBroker } from './probing.ts'

export interface FleetParts {
  readonly settings: Settings
  readonly pipeline: Pipeline
  readonly paths: HomePaths
  readonly context: LocalAgentOptions['context']
  readonly ground: AgentGround
  readonly environment: Environment
  /** What lets an incarnation of an instance in. */
  readonly issueCredential: (instanceId: string) => AgentCredential
}

export function makeFleet({ settings, pipeline, paths, context, ground, environment, issueCredential }: FleetParts): { readonly fleet: Fleet; readonly crashes: CrashReports; readonly probing: Probing } {
  const { core } = pipeline
  const { clock, deadlines } = environment
  const crashes = new CrashReports(core, paths.crashes)
  const probing = new Probing({ environment, broker: probingBroker(core) })
  const fleet = new Fleet({
    agents: settings.agents,
    groups: settings.agentGroups,
    makeAgent: (agent, instance, ready) => new LocalAgent({ settings: agent, instance, ready, context, ...ground, watcher: crashes, clock, deadlines, issueCredential, onStarted: (made, agentScope, exited) => probing.watch(made, agentScope, exited) }),
    desired: new DesiredState(join(paths.home, 'fleet.json'), environment.log),
    environment,
    onEnd: (id, end) => crashes.decided(id, end),
    retiring: pipeline.retiring,
    connection: (id) => core.instanceLink(id),
    connections: (id) => [...core.directory.ofInstance(id)].filter(({ isFormer }) => !isFormer),
    verdictOf: (id) => probing.of(id),
  })
  core.registering.ownAgent = (id) => fleet.own(id)
  return { fleet, crashes, probing }
}
