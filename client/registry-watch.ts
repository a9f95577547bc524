// Follows the registry: what is there, then each change once and in order, through breaks of the connection.

import { BrokerError } from '../broker/ground/errors.ts'
import type { InstanceInfo, RegistryEvent, RegistryEventKind } from '../broker/ground/registry.ts'
import type { ApiAnswer, ApiMethod, ApiParams } from './api-types.ts'
import type { Message } from './message.ts'
import { MessageQueue } from './message-queue.ts'
import type { Subscription, SubscribeOptions } from './subscription.ts'

export interface WatchOptions {
  /** Only instances of this name. */
  readonly name?: string
  readonly signal?: AbortSignal
}

export interface RegistryChange {
  readonly event: RegistryEventKind
  readonly instance: InstanceInfo
  /** It was there already when the watch began. */
  readonly isInitial: boolean
}

/** What it takes of a client. */
export interface WatchedClient {
  call<M extends ApiMethod>(method: M, params: ApiParams<M>, options?: { readonly idempotent: boolean }): Promise<ApiAnswer<M>>
  subscribe(pattern: string, options: SubscribeOptions): Subscription
  on(event: 'reconnected' | 'closed' | 'gap', listener: (value: unknown) => void): () => void
}

/** Most that one answer of the broker has. */
const MAX_LISTED = 10_000

export class RegistryWatch implements AsyncIterable<RegistryChange, undefined> {
  readonly #client: WatchedClient
  readonly #name: string | undefined
  readonly #changes = new MessageQueue<RegistryChange>()
  /** By name and instance id, as they were told last. */
  readonly #known = new Map<string, InstanceInfo>()
  readonly #subscription: Subscription
  readonly #endings: (() => void)[]
  /** Events that came while the list was on its way; undefined: none is. */
  #waiting: RegistryEvent[] | undefined
  #revision = 0
  #isFirst = true

  constructor(client: WatchedClient, { name, signal }: WatchOptions) {
    this.#client = client
    this.#name = name
    this.#subscription = client.subscribe(`$CB.registry.${name === undefined ? '>' : `*.${name}`}`, { onMessage: message => this.#heard((message as Message<RegistryEvent>).value) })
    const again = (): void => void this.#list()
    this.#endings = [client.on('reconnected', again), client.on('gap', again), client.on('closed', error => this.#end(error as BrokerError | undefined))]
    signal?.addEventListener('abort', () => void this.stop(), { once: true })
    this.#subscription.ready.then(again, (error: unknown) => this.#end(BrokerError.from(error)))
    if (signal?.aborted === true) void this.stop()
  }

  [Symbol.asyncIterator](): AsyncIterator<RegistryChange, undefined> {
    return {
      next: () => this.#changes.next(),
      return: async () => {
        this.#changes.drop()
        await this.stop()
        return { done: true, value: undefined }
      },
    }
  }

  /** Nothing more comes; what waits is still read. */
  async stop(): Promise<void> {
    this.#end(undefined)
    await this.#subscription.unsubscribe().catch(() => {})
  }

  #end(error: BrokerError | undefined): void {
    for (const ending of this.#endings.splice(0)) ending()
    this.#changes.end(error)
  }

  // The subscription stands, so what the list has not is told by an event.
  async #list(): Promise<void> {
    if (this.#waiting !== undefined) return
    this.#waiting = []
    try {
      const { instances, total, revision } = await this.#client.call('registry.list', { limit: MAX_LISTED, ...(this.#name === undefined ? {} : { name: this.#name }) }, { idempotent: true })
      this.#listed(instances, total === instances.length)
      this.#revision = revision
      const waiting = this.#waiting
      this.#waiting = undefined
      for (const event of waiting) this.#heard(event)
    } catch (error) {
      this.#waiting = undefined
      // The next session lists again.
      if (BrokerError.from(error).code !== 'connection.lost') this.#end(BrokerError.from(error))
    }
  }

  // Of a list that was cut short nobody can say who is missing because it left.
  #listed(instances: readonly InstanceInfo[], isWhole: boolean): void {
    const there = new Map(instances.map(instance => [keyOf(instance), instance]))
    if (isWhole) for (const [key, instance] of this.#known) if (!there.has(key)) this.#tell('left', instance, false)
    for (const [key, instance] of there) {
      const before = this.#known.get(key)
      if (before === undefined) this.#tell('joined', instance, this.#isFirst)
      else if (before.health !== instance.health) this.#tell('health', instance, false)
      // Revisions of another broker say nothing about this one's: what differs is told, once too often rather than not at all.
      else if (before.revision !== instance.revision) this.#tell('updated', instance, false)
    }
    this.#isFirst = false
  }

  #heard(event: RegistryEvent): void {
    if (this.#waiting !== undefined) this.#waiting.push(event)
    else if (event.revision > this.#revision) {
      this.#revision = event.revision
      this.#tell(event.event, event.instance, false)
    }
  }

  #tell(event: RegistryEventKind, instance: InstanceInfo, isInitial: boolean): void {
    if (event === 'left') this.#known.delete(keyOf(instance))
    else this.#known.set(keyOf(instance), instance)
    this.#changes.push({ event, instance, isInitial })
  }
}

function keyOf({ name, instance }: InstanceInfo): string {
  return `${name} ${instance}`
}
