// Looks after the health of agents: what is found of an instance goes to the registry, and where it says so ends the instance.
// Restarts nobody: the instance's actor fails, and its supervisor decides.

import type { AgentScope, LocalAgent } from '../agents/local-agent.ts'
import { about, attemptOf } from '../agents/probes/attempts.ts'
import { Probe, type Finding } from '../agents/probes/probe.ts'
import { TrafficWatch } from '../agents/probes/traffic-watch.ts'
import { Usual } from '../agents/probes/usual.ts'
import { worst } from '../agents/probes/verdict.ts'
import type { Core } from '../broker/core.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { ProbeHealth, TrafficSettings } from '../broker/ground/probes.ts'
import type { InstanceLoad } from '../broker/ground/registry.ts'
import type { Environment } from './behaviour.ts'
import type { InstanceVerdict } from './instance-verdict.ts'

/** What it takes of the broker. */
export interface ProbingBroker {
  /** As `Core.pingAgent`. */
  pingAgent(instance: string, answered: () => void): (() => void) | undefined
  /** As `Registering.found`. */
  found(instance: string, health: Exclude<ProbeHealth, 'healthy'> | undefined): void
  /** As `Registering.loads`. */
  loads(instance: string): readonly InstanceLoad[]
  /** As `Registering.timed`. */
  timed(instance: string, now: (() => number) | undefined): void
  /** As `Core.hasMoved`. */
  readonly hasMoved: boolean
  /** As `Core.sightOf`. */
  sightOf(instance: string): string | undefined
}

/** What `core` has of it. */
export function probingBroker(core: Core): ProbingBroker {
  const { registering } = core
  return {
    pingAgent: (id, answered) => core.pingAgent(id, answered),
    found: (id, health) => registering.found(id, health),
    loads: (id) => registering.loads(id),
    timed: (id, now) => registering.timed(id, now),
    get hasMoved() {
      return core.hasMoved
    },
    sightOf: (id) => core.sightOf(id),
  }
}

export interface ProbingOptions {
  readonly broker: ProbingBroker
  readonly environment: Environment
}

type ProbedAgent = Pick<LocalAgent, 'id' | 'settings' | 'run'>

interface Watched {
  readonly findings: Finding[]
  readonly scope: Pick<AgentScope, 'log' | 'fail'>
  health: ProbeHealth
  /** It is asked to end, or has. */
  isEnding: boolean
}

export class Probing {
  readonly #options: ProbingOptions
  /** By instance id: those whose process runs. */
  readonly #watched = new Map<string, Watched>()
  /** By agent. */
  readonly #usual = new Map<string, Usual>()

  constructor(options: ProbingOptions) {
    this.#options = options
  }

  /** A process of an instance has started: it is looked after until its scope ends, and gets no requests from then until it has exited. */
  watch(agent: ProbedAgent, scope: Pick<AgentScope, 'log' | 'defer' | 'fail'>, exited: Promise<unknown>): void {
    const { id, settings } = agent
    const { probes = [], health } = settings
    if (probes.length === 0 && health === undefined) return
    const { broker, environment } = this.#options
    const watched: Watched = { findings: [], scope, health: probes.length === 0 ? 'healthy' : 'starting', isEnding: false }
    const onChange = (finding: Finding): void => this.#changed(id, watched, finding)
    const instance = { ping: (answered: () => void) => broker.pingAgent(id, answered), sight: () => broker.sightOf(id), run: (command: readonly string[], signal: AbortSignal) => agent.run(command, scope.log, signal) }
    for (const probe of probes) {
      watched.findings.push(new Probe({ pace: probe, about: about(probe), attempt: attemptOf(probe, instance), ...environment, onChange }))
    }
    if (health !== undefined) watched.findings.push(this.#traffic(agent, health, onChange))
    this.#watched.set(id, watched)
    // Before it can connect: nothing reaches it by its name until its probes know it to be well.
    broker.found(id, watched.health === 'healthy' ? undefined : 'starting')
    scope.defer(() => this.#end(id, watched))
    void exited.then(() => this.#ended(id, watched))
  }

  /** The instance has connected: whether it answers can be known now. */
  attached(id: string): void {
    for (const finding of this.#watched.get(id)?.findings ?? []) if (finding instanceof Probe) finding.hurry()
  }

  /** undefined: nobody looks after it, or it does not run. */
  of(id: string): InstanceVerdict | undefined {
    const watched = this.#watched.get(id)
    if (watched === undefined || watched.isEnding) return undefined
    const { findings, health } = watched
    const problem = health === 'healthy' ? undefined : problemOf(findings)
    return { state: health, ...(problem === undefined ? {} : { problem }), probes: findings.map(({ info }) => info) }
  }

  #traffic({ id, settings: { name } }: ProbedAgent, settings: TrafficSettings, onChange: (finding: Finding) => void): Finding {
    const { broker, environment } = this.#options
    const usual = this.#usual.get(name) ?? new Usual()
    this.#usual.set(name, usual)
    // Errors alone need no clock.
    if (settings.latencyMs !== undefined || settings.silenceMs !== undefined) broker.timed(id, () => environment.clock.monotonicMs())
    return new TrafficWatch({ instance: id, settings, usual, loads: () => broker.loads(id), ...environment, onChange })
  }

  #changed(id: string, watched: Watched, finding: Finding): void {
    const { broker } = this.#options
    // Its connection is at the next process of the broker, which lets it serve until its own one does.
    if (broker.hasMoved) return
    const { log } = watched.scope
    if (finding.health === 'unhealthy' && finding.onFailure === 'restart') {
      const problem = textOf(finding)
      log.warn({ instance: id, problem }, 'the agent is unhealthy and is ended')
      return watched.scope.fail(new BrokerError('agent.unhealthy', { agent: id, problem }))
    }
    const health = worst(watched.findings.map((each) => each.health))
    if (health === watched.health) return
    watched.health = health
    broker.found(id, health === 'healthy' ? undefined : health)
    if (health === 'unhealthy') log.warn({ instance: id, problem: problemOf(watched.findings) }, 'the agent is unhealthy')
    else log.info({ instance: id, health }, 'the agent is healthy')
  }

  // What was found of it holds until it is gone: one that hangs has its time to end, in which it must not be asked.
  #end(id: string, watched: Watched): void {
    watched.isEnding = true
    for (const finding of watched.findings) finding.stop()
    if (this.#watched.get(id) === watched) this.#options.broker.found(id, 'starting')
  }

  #ended(id: string, watched: Watched): void {
    // The next process may have started already.
    if (this.#watched.get(id) !== watched) return
    this.#watched.delete(id)
    this.#options.broker.found(id, undefined)
    this.#options.broker.timed(id, undefined)
  }
}

function problemOf(findings: readonly Finding[]): string | undefined {
  const bad = findings.filter(({ health, problem }) => health !== 'healthy' && problem !== undefined)
  return bad.length === 0 ? undefined : bad.map(textOf).join('; ')
}

function textOf({ info, problem }: Finding): string {
  return `${info.kind}: ${problem ?? 'no success yet'}`
}
