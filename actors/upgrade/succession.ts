// A broker among the processes that it has been and will be: takes over from the one before, and hands over to the next.

import type { GroundHolders } from '../../agents/agent-ground.ts'
import type { AgentRegister } from '../../agents/agent-register.ts'
import { endLeftovers, type LeftoverOptions } from '../../agents/leftovers.ts'
import type { AgentCredential } from '../../agents/local-agent.ts'
import { openRuntimePlaces } from '../../agents/runtime-place.ts'
import type { Connection } from '../../broker/connection.ts'
import type { Core } from '../../broker/core.ts'
import type { UpgradeAnswer } from '../../broker/ground/api.ts'
import { Deadline } from '../../broker/ground/deadlines.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { MovedBus } from '../../broker/ground/handover.ts'
import type { HomePaths } from '../../broker/ground/home.ts'
import { inheritHome, lockHome, type HomeLock } from '../../broker/ground/home-lock.ts'
import type { Settings } from '../../broker/ground/settings.ts'
import type { Pipeline } from '../../broker/pipeline.ts'
import type { Service } from '../../broker/service.ts'
import { ListeningSockets } from '../../transports/listening-sockets.ts'
import type { Environment } from '../behaviour.ts'
import type { Fleet } from '../fleet.ts'
import type { Openers } from '../listeners.ts'
import type { JoinedBus } from '../joined-bus.ts'
import { issueAgentCredential } from '../principals.ts'
import { passOn, receive } from './bus-succession.ts'
import type { Inheritance } from './inheritance.ts'
import type { Take } from './messages.ts'
import { preload } from './preload.ts'
import { FORMER_MS, Relief } from './relief.ts'
import type { Successor } from './successor.ts'
import { upgrade } from './upgrade.ts'

export interface SuccessionOptions {
  /** What this process has of one before it; undefined: there was none. */
  readonly inheritance?: Inheritance | undefined
  /** Program and options that start a process like this one; undefined: nobody knows, and it hands over to nobody. */
  readonly program?: readonly string[] | undefined
  /** The words that follow it. */
  readonly words: readonly string[]
  /** Somebody waits for the end of this process, such as a shell. */
  readonly isForeground: boolean
  /** Lets go of the audit log, and has it again. */
  readonly suspendAudit: () => Promise<void>
  readonly resumeAudit: () => void
}

/** What of a broker that runs is handed over. */
export interface Estate {
  readonly pipeline: Pipeline
  readonly service: Service
  readonly register: AgentRegister
  readonly fleet: Fleet
  /** undefined: it has joined no others. */
  readonly bus: JoinedBus | undefined
}

/** Time between SIGTERM and SIGKILL for agents of a successor that did not take over: clients wait meanwhile. ms */
const STRANGER_GRACE_MS = 200

export class Succession implements GroundHolders {
  readonly sockets: ListeningSockets
  /** The process that has taken over; undefined: none has. */
  successor: Successor | undefined
  readonly #options: SuccessionOptions
  readonly #environment: Environment
  #taken: Take | undefined
  #lock: HomeLock | undefined
  /** Credentials of agents that run, by their ids. */
  readonly #tokens = new Map<string, string>()
  /** Agents whose credential of this process was given out. */
  readonly #inherited = new Set<string>()
  /** Agents whose sessions went to the next process. */
  #moved: ReadonlySet<string> = new Set()
  #underWay: Promise<unknown> | undefined
  /** What comes by the link to other brokers still comes by way of the process before this one: a third one would not get it. */
  #isReceiving = false
  /** Resolves when the next process has the link to other brokers alone. */
  #passedOn: Promise<void> | undefined
  /** How agents are ended that nobody else ends. */
  #leftovers: LeftoverOptions | undefined

  constructor(options: SuccessionOptions, environment: Environment) {
    this.#options = options
    this.#environment = environment
    this.sockets = options.inheritance?.sockets ?? new ListeningSockets()
  }

  /** An upgrade that is under way; resolves when it is over, whatever came of it. */
  get underWay(): Promise<unknown> | undefined {
    return this.#underWay
  }

  /**
   * Takes the home: from the process before this one when that stands still, or when nobody has it.
   * @throws BrokerError `broker.held`
   */
  async takeHome(paths: HomePaths, socket: string, version: string, settings: Settings): Promise<HomeLock> {
    const { inheritance } = this.#options
    if (inheritance === undefined) return (this.#lock = await lockHome(paths, socket))
    await preload(settings)
    this.#taken = await inheritance.take(version)
    return (this.#lock = inheritHome(paths, socket, inheritance.predecessor))
  }

  get hasPredecessor(): boolean {
    return this.#options.inheritance !== undefined
  }

  get hasSuccessor(): boolean {
    return this.successor !== undefined
  }

  /** Ends agents that a killed broker left behind: at once, or when the process before this one, whose they are, is gone. Resolves with how many there were. */
  async endLeftovers(options: LeftoverOptions): Promise<number> {
    this.#leftovers = options
    const { inheritance } = this.#options
    if (inheritance === undefined) return endLeftovers(options)
    const records = [...options.register.records]
    void inheritance.predecessorGone.then(() => endLeftovers({ ...options, records })).catch((error: unknown) => this.#environment.log.error({ err: BrokerError.from(error) }, 'agents of the process before this one were not ended'))
    return 0
  }

  /** As openRuntimePlaces(), which see: agents of the process before this one, and of the one after it, keep theirs. */
  openPlaces(home: string, hasOtherUsers: boolean): () => void {
    const close = openRuntimePlaces(home, hasOtherUsers, this.#options.inheritance !== undefined)
    return () => (this.successor === undefined ? close() : undefined)
  }

  /** Numbers go on where those of the process before this one ended. Before the first connection, and the first queue. */
  continueNumbers(core: Core): void {
    if (this.#taken !== undefined) core.continueNumbers(this.#taken.state.lastNumber)
  }

  /** A credential for an incarnation of an agent; the first has that of the process before this one, whose agent goes on with it until then. */
  issueCredential(core: Core, id: string): AgentCredential {
    const inherited = this.#inherited.has(id) ? undefined : this.#taken?.agentTokens.get(id)
    this.#inherited.add(id)
    const credential = issueAgentCredential(core, id, inherited)
    const { token } = credential
    this.#tokens.set(id, token)
    return {
      token,
      revoke: () => {
        // The next process is not to give it out again; by now it may be the next incarnation's.
        if (this.#tokens.get(id) === token) this.#tokens.delete(id)
        credential.revoke()
      },
    }
  }

  // Of one whose process here has not begun, or that there is not any more: it lets in the process that runs.
  #credentialOf(core: Core, id: string, token: string): void {
    if (this.#inherited.has(id)) return
    const credential = issueAgentCredential(core, id, token)
    void this.#options.inheritance!.predecessorGone.then(() => {
      if (!this.#inherited.has(id)) credential.revoke()
    })
  }

  /** What the process before this one had of a link to other brokers. */
  get movedBus(): MovedBus | undefined {
    return this.#taken?.state.bus
  }

  /** Resolves when the next process has what was of the link to other brokers. */
  async passedOn(): Promise<void> {
    await this.#passedOn
  }

  /** Resolves when agents of this process have been relieved by those of the next one, and have ended; or after a while. */
  async relieved(fleet: Fleet | undefined): Promise<void> {
    const { successor } = this
    if (successor === undefined || fleet === undefined) return
    const running = new Set(fleet.agents().flatMap(({ name, pid }) => (pid === undefined ? [] : [name])))
    const late = Promise.withResolvers<void>()
    const deadline = new Deadline(late.resolve)
    this.#environment.deadlines.set(deadline, FORMER_MS)
    // Stopped soon after it began, or dead: nobody relieves anybody.
    successor.onGone(late.resolve)
    let ending = Promise.resolve()
    const all = Promise.withResolvers<void>()
    const relieve = (id: string): void => {
      if (!running.delete(id)) return
      ending = ending.then(() => fleet.relieve(id)).catch((error: unknown) => this.#environment.log.warn({ agent: id, err: BrokerError.from(error) }, 'an agent was not ended in its turn'))
      if (running.size === 0) void ending.then(all.resolve)
    }
    // Nobody waits for those that went with no session.
    for (const id of running) if (!this.#moved.has(id)) relieve(id)
    successor.onRelieved(relieve)
    if (running.size === 0) void ending.then(all.resolve)
    await Promise.race([all.promise, late.promise])
    this.#environment.deadlines.cancel(deadline)
  }

  /** Listeners that open when the sessions of the process before this one are here. */
  afterArrival(openers: Openers, pipeline: Pipeline): Openers {
    let arrived = false
    const arrive = (): void => {
      if (arrived || this.#taken === undefined) return
      arrived = true
      const { state, agentTokens } = this.#taken
      for (const [id, token] of agentTokens) this.#credentialOf(pipeline.core, id, token)
      const relief = new Relief({ pipeline, ...this.#environment, onRelieved: (agent) => this.#options.inheritance!.relieved(agent) })
      pipeline.core.relief = relief
      const isFormer = ({ agent, principal }: { readonly agent: string | undefined; readonly principal: string }): boolean => agent !== undefined && agentTokens.has(agent) && principal === `agent:${agent}`
      const sessions = pipeline.arrive(state, { isFormer, onFormer: (connection) => relief.arrived(connection) })
      this.#environment.log.info({ sessions, predecessor: this.#options.inheritance!.predecessor }, 'sessions of the process before this one are here')
    }
    return Object.fromEntries(
      Object.entries(openers).map(([name, open]): [string, Openers[string]] => [
        name,
        (onLink) => {
          arrive()
          return open(onLink)
        },
      ]),
    )
  }

  /** Clients are let in. */
  serving(bus: JoinedBus | undefined): void {
    const { inheritance } = this.#options
    if (inheritance === undefined) return
    inheritance.serving()
    if (bus === undefined || this.movedBus === undefined) return
    this.#isReceiving = true
    void receive(bus, inheritance, this.#environment).finally(() => (this.#isReceiving = false))
  }

  /**
   * Hands over to a process that `program` starts.
   * @throws BrokerError `upgrade.*`; all goes on here then
   */
  async upgrade({ pipeline, service, register, fleet, bus }: Estate, program: readonly string[] | undefined, asker: Connection | undefined): Promise<UpgradeAnswer> {
    const { program: own, words, isForeground, suspendAudit, resumeAudit } = this.#options
    const command = program ?? own
    if (own === undefined || command === undefined || command.length === 0) throw new BrokerError('upgrade.unsupported', { problem: 'it was not started by callboard start' })
    if (this.#underWay !== undefined || this.successor !== undefined) throw new BrokerError('upgrade.busy', { problem: 'an upgrade is under way already' })
    if (this.#isReceiving) throw new BrokerError('upgrade.busy', { problem: 'the link to other brokers is still being taken over from the process of the last upgrade, which takes up to 15 s where their servers are away' })
    fleet.freeze()
    const parts = {
      pipeline,
      service,
      bus,
      sockets: this.sockets,
      lock: this.#lock!,
      environment: this.#environment,
      isForeground,
      agentTokens: () => this.#tokens,
      suspendFiles: async () => {
        register.retire()
        await suspendAudit()
      },
      resumeFiles: async () => {
        try {
          // Agents that a killed successor had started, and whom nobody stops otherwise: they would take the place of those that run here.
          await endLeftovers({ ...this.#leftovers!, records: register.strangers, graceMs: STRANGER_GRACE_MS })
        } finally {
          register.goOn()
          resumeAudit()
        }
      },
    }
    const done = upgrade(parts, [...command, ...words], asker)
    this.#underWay = done.catch(() => {})
    try {
      const { successor, version, sessions, agents, pauseMs } = await done
      this.#moved = agents
      this.successor = successor
      this.#passedOn = bus && passOn(bus, successor, this.#environment)
      fleet.endSchedules()
      this.#environment.log.info({ pid: successor.process.pid, version, sessions, pauseMs }, 'the broker goes on in another process')
      return { pid: successor.process.pid!, version, sessions, pauseMs }
    } catch (error) {
      fleet.thaw()
      throw error
    } finally {
      this.#underWay = undefined
    }
  }
}
