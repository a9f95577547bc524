// One agent of the fleet with all its instances: more of them, fewer, others. One change at a time; each leaves it as it was when it fails.

import { changed, type AgentChange } from '../agents/agent-change.ts'
import type { LocalAgent } from '../agents/local-agent.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { AgentSettings } from '../broker/ground/settings.ts'
import { FleetInstance, type InstanceHost } from './fleet-instance.ts'
import { roll } from './rolling-change.ts'
import { waitUntil } from './wait-until.ts'

interface FleetAgentHost extends Omit<InstanceHost, 'hasSiblings' | 'isSurge'> {
  makeAgent(settings: AgentSettings, instance: number, ready: () => Promise<void> | undefined): LocalAgent
  /** See LocalAgentOptions. */
  ready(settings: AgentSettings): Promise<void> | undefined
  /** Keeps what was changed over restarts. @throws BrokerError `home.unusable` */
  keep(settings: AgentSettings): void
}

/** Time in which an instance must serve. ms */
const START_TIMEOUT_MS = 30_000
/** How long one must have run, of an agent of which nobody knows yet whether it connects. ms */
const FIRST_RUNNING_MS = 3000
/** Time that an instance is given, once it is healthy, to join the groups and register the names that the one before it had. ms */
const SERVE_MS = 5000

export class FleetAgent {
  readonly name: string
  readonly #host: FleetAgentHost
  readonly #instances = new Map<number, FleetInstance>()
  #settings: AgentSettings
  #serves: Promise<boolean> | undefined
  /** What is done at the moment. */
  #change: string | undefined

  /** Its instances are made, and do not run yet. */
  constructor(settings: AgentSettings, host: FleetAgentHost) {
    this.name = settings.name
    this.#settings = settings
    this.#host = host
    for (let number = 1; number <= (settings.instances ?? 1); number++) this.#add(number)
  }

  /** As they are now. */
  get settings(): AgentSettings {
    return this.#settings
  }

  /** undefined: nothing is done to it. */
  get change(): string | undefined {
    return this.#change
  }

  /** By number, in order. */
  get instances(): readonly FleetInstance[] {
    return [...this.#instances.values()].toSorted((a, b) => a.agent.instance - b.agent.instance)
  }

  instance(number: number): FleetInstance | undefined {
    return this.#instances.get(number)
  }

  /** One of its instances serves, and is not about to end. */
  get isServing(): boolean {
    const { instances } = this
    const isAttaching = instances.some(({ hasAttached }) => hasAttached)
    return instances.some((each) => !each.isDraining && each.verdict(isAttaching, FIRST_RUNNING_MS).state === 'healthy')
  }

  /** Resolves to true when it serves, to false when `startTimeout` is over before. */
  serves(): Promise<boolean> {
    // However many wait for it, it is looked at once.
    this.#serves ??= waitUntil(() => this.isServing, this.#startTimeoutMs, this.#host.environment).finally(() => (this.#serves = undefined))
    return this.#serves
  }

  get #startTimeoutMs(): number {
    return this.#settings.startTimeoutMs ?? START_TIMEOUT_MS
  }

  /** All at once, or one. @throws BrokerError `agent.failed`, `agent.busy` */
  restart(instance?: FleetInstance): Promise<void> {
    return this.#alone('restart', async () => {
      await whole((instance === undefined ? this.instances : [instance]).map((each) => each.restart()))
    })
  }

  /** One after the other, never with fewer that serve than before. @throws BrokerError `agent.change_failed`, `agent.busy` */
  async restartRolling(): Promise<void> {
    this.#refuseScheduled()
    await this.#alone('rolling restart', () => this.#roll(this.#settings))
  }

  /**
   * The same with other settings, which are kept; the old ones where it fails.
   * @throws BrokerError `agent.bad_change`, `agent.change_failed`, `agent.busy`, `agent.not_kept`
   */
  async upgrade(change: AgentChange): Promise<void> {
    this.#refuseScheduled()
    const settings = changed(this.#settings, change)
    await this.#alone('upgrade', async () => {
      await this.#roll(settings)
      this.#keep(settings)
    })
  }

  /** Starts those that are missing, or drains and ends those with the highest numbers. @throws BrokerError `agent.busy`, `agent.failed`, `agent.not_kept` */
  async scale(instances: number): Promise<void> {
    this.#refuseScheduled()
    await this.#alone('scale', async () => {
      const before = new Set(this.instances)
      try {
        for (let number = 1; number <= instances; number++) if (!this.#instances.has(number)) await this.#start(number, this.#settings)
      } catch (error) {
        await Promise.allSettled(this.instances.filter((each) => !before.has(each)).map((each) => this.#retire(each)))
        throw error
      }
      await whole(this.instances.filter(({ agent }) => agent.instance > instances).map((each) => this.#retire(each)))
      this.#keep({ ...this.#settings, instances })
    })
  }

  /** Those that are meant get nothing new, answer what they have, and are ended; they stay down until they are restarted. @throws BrokerError `agent.busy` */
  drain(instance?: FleetInstance): Promise<void> {
    return this.#alone('drain', async () => {
      await whole((instance === undefined ? this.instances : [instance]).map(async (each) => {
        await this.#drained(each)
        await each.stop()
      }))
    })
  }

  // What is started at its times is one, and mostly down.
  #refuseScheduled(): void {
    if (this.#settings.schedule !== undefined) throw new BrokerError('agent.bad_change', { agent: this.name, problem: 'it has a schedule, by which one instance is started at its times; change the configuration' })
  }

  async #alone(change: string, work: () => Promise<void>): Promise<void> {
    if (this.#change !== undefined) throw new BrokerError('agent.busy', { agent: this.name, change: this.#change })
    this.#change = change
    try {
      await work()
    } finally {
      this.#change = undefined
    }
  }

  // All instances have these by now, so they hold also where they cannot be kept.
  #keep(settings: AgentSettings): void {
    this.#settings = settings
    try {
      this.#host.keep(settings)
    } catch (thrown) {
      throw new BrokerError('agent.not_kept', { agent: this.name, problem: BrokerError.from(thrown).message }, { cause: thrown })
    }
  }

  #roll(settings: AgentSettings): Promise<void> {
    const before = this.#settings
    return roll({
      agent: this.name,
      instances: this.instances.map(({ agent }) => agent.instance),
      log: this.#host.environment.log,
      surge: async (number) => this.#serving(await this.#start(number, settings, true), this.instances[0]!.serves),
      serves: (number) => this.#stillServes(this.#instances.get(number)),
      replace: (number, isBack) => this.#replace(this.#instances.get(number)!, isBack ? before : settings),
      retire: async (number) => {
        const instance = this.#instances.get(number)
        if (instance !== undefined) await this.#retire(instance)
      },
    })
  }

  async #replace(instance: FleetInstance, settings: AgentSettings): Promise<void> {
    const { serves } = instance
    await this.#drained(instance)
    instance.agent.use(settings)
    await instance.restart()
    await this.#serving(instance, serves)
  }

  // One that runs may connect again, or be well again, in a moment; one that has ended stays so.
  async #stillServes(surge: FleetInstance | undefined): Promise<boolean> {
    if (surge === undefined) return false
    const isHealthy = (): boolean => surge.verdict(this.instances.some(({ hasAttached }) => hasAttached)).state === 'healthy'
    await waitUntil(() => surge.agent.pid === undefined || isHealthy(), SERVE_MS, this.#host.environment)
    return isHealthy()
  }

  // Resolves when it takes part as the one before it did.
  async #serving(instance: FleetInstance, served: ReadonlySet<string>): Promise<void> {
    const { agent } = instance
    const { environment } = this.#host
    let { pid } = agent
    const isAttaching = this.instances.some(({ hasAttached }) => hasAttached)
    const startTimeoutMs = this.#startTimeoutMs
    let problem = ''
    const isHealthy = await waitUntil(() => {
      if (!agent.isWaiting) pid ??= agent.pid
      if (!agent.isWaiting && (agent.pid === undefined || agent.pid !== pid)) throw agent.startError ?? new BrokerError('agent.failed', { agent: agent.id, problem: endOf(agent) })
      const verdict = instance.verdict(isAttaching)
      problem = verdict.problem ?? verdict.state
      return verdict.state === 'healthy'
    }, startTimeoutMs, environment)
    if (!isHealthy) throw new BrokerError('agent.failed', { agent: agent.id, problem: `does not serve after ${startTimeoutMs} ms: ${problem}` })
    const missing = (): string[] => [...served].filter((each) => !instance.serves.has(each))
    // A new version may leave some of it for good.
    if (!(await waitUntil(() => missing().length === 0, SERVE_MS, environment))) environment.log.warn({ agent: agent.id, missing: missing() }, 'the instance does not take part in what the one before it did')
  }

  async #start(number: number, settings: AgentSettings, isSurge = false): Promise<FleetInstance> {
    const instance = this.#add(number, settings, isSurge)
    try {
      await instance.start()
      return instance
    } catch (error) {
      this.#instances.delete(number)
      await instance.remove()
      throw error
    }
  }

  async #retire(instance: FleetInstance): Promise<void> {
    try {
      await this.#drained(instance)
      await instance.remove()
    } finally {
      this.#instances.delete(instance.agent.instance)
    }
  }

  async #drained(instance: FleetInstance): Promise<void> {
    const { shutdownMs } = this.#settings
    if (!(await instance.drain(shutdownMs))) this.#host.environment.log.warn({ agent: instance.id, limitMs: shutdownMs }, 'the instance has not answered all that it had when its time was over')
  }

  #add(number: number, settings = this.#settings, isSurge = false): FleetInstance {
    const ready = (): Promise<void> | undefined => {
      instance.begins()
      return this.#host.ready(settings)
    }
    const instance: FleetInstance = new FleetInstance(this.#host.makeAgent(settings, number, ready), { ...this.#host, isSurge, hasSiblings: () => this.#instances.size > 1 })
    this.#instances.set(number, instance)
    return instance
  }
}

// Resolves, or rejects with the first failure, when nothing is at work any more.
async function whole(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

function endOf({ lastExit }: LocalAgent): string {
  if (lastExit === undefined) return 'ended at once'
  return lastExit.signal === null ? `exited with code ${lastExit.code} while it started` : `was ended by ${lastExit.signal} while it started`
}
