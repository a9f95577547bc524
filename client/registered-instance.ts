// One registration of this client: told to the broker again in each new session, until it ends.

import { BrokerError } from '../broker/ground/errors.ts'
import type { InstanceHealth, InstanceInfo, Registration, RegistrationUpdate } from '../broker/ground/registry.ts'
import { SERVICE_PREFIX } from '../broker/ground/registry.ts'
import type { Message } from './message.ts'
import type { WatchedClient } from './registry-watch.ts'
import type { Subscription } from './subscription.ts'

export interface RegisterOptions<T = unknown> extends Registration {
  /** Called for each request to the name that came to this client, so only one registration of a name may have it. What it throws goes to the requester. */
  readonly onRequest?: (message: Message<T>) => void | Promise<void>
}

export class RegisteredInstance {
  readonly #host: WatchedClient
  readonly #onEnd: (instance: RegisteredInstance) => void
  readonly #subscription: Subscription | undefined
  #registration: Registration
  #info: InstanceInfo | undefined
  #isOver = false

  constructor(host: WatchedClient, onEnd: (instance: RegisteredInstance) => void, { onRequest, ...registration }: RegisterOptions) {
    this.#host = host
    this.#onEnd = onEnd
    this.#registration = registration
    // Before it is registered: the first request may come with the answer.
    this.#subscription = onRequest === undefined ? undefined : host.subscribe(SERVICE_PREFIX + registration.name, { onMessage: onRequest })
  }

  /** As the broker had it last. */
  get info(): InstanceInfo {
    return this.#info!
  }

  /** False: it was deregistered, or the broker refused it in a new session. */
  get isRegistered(): boolean {
    return !this.#isOver
  }

  /** The name whose requests it reads; undefined: none, or no more. */
  get answeringAs(): string | undefined {
    return this.#subscription?.isActive === true ? this.#registration.name : undefined
  }

  /**
   * Changes what it says of itself; what is left out stays. What is lost with the connection is said in the next session, what
   * was refused never again.
   * @throws BrokerError `registry.not_registered`, `registry.bad_version`, and what request() throws
   */
  async update(changes: RegistrationUpdate): Promise<InstanceInfo> {
    try {
      this.#info = await this.#host.call('registry.update', { ...this.#own, ...changes })
    } catch (error) {
      // What the broker refused must not be said again in the next session, where it would end the registration.
      if (BrokerError.from(error).code === 'connection.lost') this.#keep(changes)
      throw error
    }
    this.#keep(changes)
    return this.#info
  }

  /** Says how it is: `unhealthy` ones get requests only where there is nobody else, `draining` and `starting` ones none. */
  health(health: InstanceHealth): Promise<InstanceInfo> {
    return this.update({ health })
  }

  /** Takes it out; requests that it has already go on. */
  async deregister(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    try {
      await this.#host.call('registry.deregister', this.#own)
    } catch (error) {
      // It ended with the session.
      const { code } = BrokerError.from(error)
      if (code !== 'connection.lost' && code !== 'registry.not_registered') throw error
    } finally {
      // What was on its way to it has come by now, before the answer.
      await this.#end(this.#subscription?.drain())
    }
  }

  /** For the registry of this client. */
  async announce(): Promise<void> {
    try {
      this.#info = await this.#host.call('registry.register', this.#registration)
      // The same in each session, whatever the client is called there.
      this.#registration = { ...this.#registration, instance: this.#info.instance }
    } catch (error) {
      const { code } = BrokerError.from(error)
      // Until there is another session, which tells it again.
      if (code === 'connection.lost' && this.#info !== undefined) return
      await this.#end(this.#subscription?.unsubscribe())
      throw error
    }
  }

  #keep(changes: RegistrationUpdate): void {
    this.#registration = { ...this.#registration, ...changes }
  }

  get #own(): { readonly name: string; readonly instance?: string } {
    const { name, instance } = this.#registration
    return { name, ...(instance === undefined ? {} : { instance }) }
  }

  // Another one may read the requests from here on, also while handlers still run.
  async #end(handled: Promise<void> | undefined): Promise<void> {
    this.#isOver = true
    this.#onEnd(this)
    await handled
  }
}
