// What gRPC clients registered: each registration is a connection of its own, lasts as long as the HTTP/2 connection on
// which it was made, and with a lease no longer than that since it was last renewed. Who is registered is the registry's.

import { randomBytes } from 'node:crypto'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Caller } from './caller.ts'
import type { ConnectionEnd } from './connection-end.ts'
import type { EventStream } from './event-stream.ts'
import type { AgentInfo } from './messages.ts'

/** Shortest lease. ms */
export const MIN_LEASE_MS = 1000
export const MAX_LEASE_MS = 86_400_000

/** As the proto file says of what is left out. */
const NO_VERSION = '0.0.0'
const DEFAULT_WEIGHT = 100

export type Report = 'starting' | 'healthy' | 'unhealthy' | 'draining'
const reports: readonly string[] = ['starting', 'healthy', 'unhealthy', 'draining'] satisfies readonly Report[]

export class Registration {
  readonly id = randomBytes(16).toString('hex')
  readonly caller: Caller
  readonly end: ConnectionEnd
  info: AgentInfo
  /** The stream that gets what is sent to it. */
  #stream: EventStream | undefined
  /** A stream has it, or will when its subscriptions stand. */
  #isTaken = false
  readonly #deadlines: Deadlines
  readonly #deadline: Deadline
  /** What its client said of itself; undefined: it is healthy while it listens. */
  #report: Report | undefined

  constructor(caller: Caller, end: ConnectionEnd, info: AgentInfo, deadlines: Deadlines) {
    this.caller = caller
    this.end = end
    this.info = info
    this.#deadlines = deadlines
    this.#deadline = new Deadline(() => end.hangUp())
    this.renew()
  }

  get principal(): string {
    return this.end.welcome!.principal
  }

  get name(): string {
    return this.info.name
  }

  get instance(): string {
    return this.info.instance === '' ? this.end.client : this.info.instance
  }

  /** Its lease begins anew. */
  renew(): void {
    if (this.info.leaseMs > 0) this.#deadlines.set(this.#deadline, this.info.leaseMs)
    else this.#deadlines.cancel(this.#deadline)
  }

  over(): void {
    this.#deadlines.cancel(this.#deadline)
  }

  /** Enters it in the registry. @throws BrokerError `registry.*`, `method.bad_params` */
  async register(): Promise<void> {
    const { name, kind } = this.info
    await this.end.method('registry.register', { name, instance: this.instance, health: this.#health, ...(kind === '' ? {} : { kind }), ...describe(this.info) })
  }

  /** Its client says anew what it is; what the registry refuses leaves all as it was. @throws BrokerError `registry.*`, `method.bad_params` */
  async update(info: AgentInfo): Promise<void> {
    const { instance, name } = this
    await this.end.method('registry.update', { name, instance, ...describe(info) })
    this.info = { ...info, instance }
    this.renew()
  }

  /**
   * Its client says how it is; `''`: nothing new.
   * @throws BrokerError `grpc.bad_message`
   */
  async report(report: string): Promise<void> {
    this.renew()
    if (report === '' || report === this.#report) return
    if (!reports.includes(report)) throw new BrokerError('grpc.bad_message', { problem: `report "${report}" is none of ${reports.join(', ')}` })
    const before = this.#report
    this.#report = report as Report
    try {
      await this.#tellHealth()
    } catch (error) {
      // Said once more, it is told once more.
      if (this.#report === report) this.#report = before
      throw error
    }
  }

  /** It is one stream's from now on, until `release`. @throws BrokerError `grpc.stream_open` when it is another's */
  take(): void {
    if (this.#isTaken) throw new BrokerError('grpc.stream_open', { registration: this.id })
    this.#isTaken = true
  }

  release(): void {
    this.#isTaken = false
  }

  /** A stream listens for it from now on; undefined: none does. */
  async listen(stream: EventStream | undefined): Promise<void> {
    this.#stream = stream
    this.end.receiveBy(stream)
    this.renew()
    if (this.#report === undefined && !this.end.isOver) await this.#tellHealth()
  }

  async #tellHealth(): Promise<void> {
    const { name, instance } = this
    await this.end.method('registry.update', { name, instance, health: this.#health })
  }

  // Who does not listen gets no requests by its name, unless it says that it can be reached some other way.
  get #health(): Report {
    return this.#report ?? (this.#stream === undefined ? 'starting' : 'healthy')
  }
}

export class Registrations {
  readonly #deadlines: Deadlines
  readonly #byId = new Map<string, Registration>()

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines
  }

  /** @throws BrokerError `grpc.unknown_registration` when there is none of that id for that principal */
  find(id: string, principal: string): Registration {
    const found = this.#byId.get(id)
    if (found?.principal !== principal) throw new BrokerError('grpc.unknown_registration', { registration: id })
    return found
  }

  /** The one that the same client made before under that name, and instance where it names one. */
  same(caller: Caller, principal: string, { name, instance }: AgentInfo): Registration | undefined {
    for (const each of this.#byId.values()) if (each.caller === caller && each.principal === principal && each.info.name === name && (instance === '' || each.instance === instance)) return each
    return undefined
  }

  /** @throws BrokerError what the registry refuses; its connection is ended then */
  async add(caller: Caller, end: ConnectionEnd, info: AgentInfo): Promise<Registration> {
    const registration = new Registration(caller, end, info, this.#deadlines)
    const forget = end.onEnd
    end.onEnd = (error) => {
      forget?.(error)
      registration.over()
      this.#byId.delete(registration.id)
    }
    try {
      await registration.register()
    } catch (error) {
      end.hangUp()
      throw error
    }
    if (end.isOver) throw new BrokerError('connection.closed')
    this.#replace(registration)
    this.#byId.set(registration.id, registration)
    return registration
  }

  // The registry gave its place to this one: whoever listens there would wait for good.
  #replace({ principal, info: { name }, instance }: Registration): void {
    const replaced = [...this.#byId.values()].filter((each) => each.principal === principal && each.info.name === name && each.instance === instance)
    for (const { end } of replaced) end.hangUp(new BrokerError('registry.not_registered', { name, instance: `instance "${instance}"` }))
  }
}

// All of it, also what is empty: said anew, it replaces what was said before.
function describe({ version, capabilities, metadata, endpoints, weight }: AgentInfo): object {
  return {
    version: version === '' ? NO_VERSION : version,
    weight: weight === 0 ? DEFAULT_WEIGHT : weight,
    capabilities,
    metadata,
    endpoints: endpoints.map(({ name, subject, url }) => ({ name, ...(subject === '' ? {} : { subject }), ...(url === '' ? {} : { url }) })),
  }
}
