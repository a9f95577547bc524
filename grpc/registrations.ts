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

export type Report = 'starting' | 'healthy' | 'unhealthy' | 'draining'
const reports: readonly string[] = ['starting', 'healthy', 'unhealthy', 'draining'] satisfies readonly Report[]

export class Registration {
  readonly id = randomBytes(16).toString('hex')
  readonly caller: Caller
  readonly end: ConnectionEnd
  /** The stream that gets what is sent to it. */
  stream: EventStream | undefined
  info: AgentInfo
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

  /** Tells the registry what it is. */
  async tell(method: 'registry.register' | 'registry.update'): Promise<void> {
    const { name, version, capabilities, metadata, endpoints, weight, kind } = this.info
    await this.end.method(method, {
      name,
      instance: this.instance,
      health: this.#health,
      ...(version === '' ? {} : { version }),
      ...(weight === 0 ? {} : { weight }),
      ...(kind === '' ? {} : { kind }),
      ...(capabilities.length === 0 ? {} : { capabilities }),
      ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
      ...(endpoints.length === 0 ? {} : { endpoints: endpoints.map(({ name: of, subject, url }) => ({ name: of, ...(subject === '' ? {} : { subject }), ...(url === '' ? {} : { url }) })) }),
    })
  }

  /**
   * Its client says how it is; `''`: nothing new.
   * @throws BrokerError `grpc.bad_message`
   */
  async report(report: string): Promise<void> {
    this.renew()
    if (report === '' || report === this.#report) return
    if (!reports.includes(report)) throw new BrokerError('grpc.bad_message', { problem: `report "${report}" is none of ${reports.join(', ')}` })
    this.#report = report as Report
    await this.tell('registry.update')
  }

  /** A stream listens for it from now on; undefined: none does. */
  async listen(stream: EventStream | undefined): Promise<void> {
    this.stream = stream
    this.end.receiveBy(stream)
    this.renew()
    if (this.#report === undefined && !this.end.isOver) await this.tell('registry.update')
  }

  // Who does not listen gets no requests by its name, unless it says that it can be reached some other way.
  get #health(): Report {
    return this.#report ?? (this.stream === undefined ? 'starting' : 'healthy')
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
      await registration.tell('registry.register')
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
