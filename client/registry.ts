// The registry as this client uses it: its own registrations, which outlive sessions, and those of all.

import { BrokerError } from '../broker/ground/errors.ts'
import type { Negotiated, RegistryAnswer, RegistryQuery } from '../broker/ground/registry.ts'
import type { ServiceInfo } from '../broker/ground/registry-api.ts'
import { RegisteredInstance, type RegisterOptions } from './registered-instance.ts'
import { RegistryWatch, type WatchedClient, type WatchOptions } from './registry-watch.ts'

/** Asking again in another session does no harm. */
const READING = { idempotent: true } as const

type RegistryClient = WatchedClient & { problem(error: BrokerError): void }

export class Registry {
  readonly #client: RegistryClient
  readonly #own = new Set<RegisteredInstance>()

  constructor(client: RegistryClient) {
    this.#client = client
  }

  /**
   * Registers this client under a name, again in each new session, until it is deregistered or the client closes. A second
   * registration of the name with `onRequest` is `registry.invalid`: a request says which name it is for, not which instance.
   * @throws BrokerError `registry.*`, `permission.denied`, `method.bad_params`, and what request() throws
   */
  async register<T = unknown>(registration: RegisterOptions<T>): Promise<RegisteredInstance> {
    if (registration.onRequest !== undefined) this.#checkFree(registration.name)
    const own = new RegisteredInstance(this.#client, each => this.#own.delete(each), registration as RegisterOptions)
    this.#own.add(own)
    await own.announce()
    return own
  }

  /** @throws BrokerError `registry.bad_version`, and what request() throws */
  list(query: RegistryQuery = {}): Promise<RegistryAnswer> {
    return this.#client.call('registry.list', query, READING)
  }

  /** @throws BrokerError `registry.unknown`, and what request() throws */
  show(name: string): Promise<ServiceInfo> {
    return this.#client.call('registry.show', { name }, READING)
  }

  /** Who gives a capability. @throws BrokerError `registry.no_provider`, and what request() throws */
  negotiate(capability: string): Promise<Negotiated> {
    return this.#client.call('registry.negotiate', { capability }, READING)
  }

  /** All instances that there are, then each change, until it is left or the client closes; after a break, what changed meanwhile. */
  watch(options: WatchOptions = {}): RegistryWatch {
    return new RegistryWatch(this.#client, options)
  }

  /** For the client: a session began that knows nothing of this one. */
  opened(): void {
    for (const own of this.#own) if (own.isRegistered) own.announce().catch((error: unknown) => this.#client.problem(BrokerError.from(error)))
  }

  // Both handlers would run for each request.
  #checkFree(name: string): void {
    for (const { answeringAs } of this.#own) {
      if (answeringAs === name) throw new BrokerError('registry.invalid', { problem: `onRequest of this client answers for "${name}" already; deregister that one first, leave onRequest out, or register from another client` })
    }
  }
}
