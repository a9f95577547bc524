// Queues in a Redis server, which several brokers may share. One pair of connections for all queues, which comes back by itself.

import type { QueueListener, QueueStore, StoreContext, StoredQueue, StoreFeatures } from '../../ground/store.ts'
import type { QueueSettings } from '../../ground/store-settings.ts'
import { OpenQueues } from '../brokered/open-queues.ts'
import { tooWeak } from './durability.ts'
import { queueKeys } from './lua/ground.ts'
import type { RedisLink } from './redis-link.ts'
import { RedisQueue } from './redis-queue.ts'

export class RedisStore implements QueueStore {
  readonly backend = 'redis'
  readonly verify = undefined
  readonly backup = undefined
  readonly #context: StoreContext
  readonly #link: RedisLink
  readonly #queues = new OpenQueues<RedisQueue>('redis')

  constructor(context: StoreContext, link: RedisLink) {
    this.#context = context
    this.#link = link
  }

  /** As the server was configured when it was looked at last. */
  get features(): StoreFeatures {
    const { safety } = this.#link
    return {
      forward: true,
      durability: safety.evicts === undefined ? safety.gives : 'memory',
      backup: false,
      verify: false,
      limits: [
        ...(safety.problem === '' ? [] : [safety.problem]),
        'every message takes memory of the server',
        'there is one server: replicas are written to later than a message is confirmed, and a failover to one may lose what was confirmed',
        'frames have no checksums of their own: what is damaged in the memory or the files of the server is not found here',
      ],
    }
  }

  open(name: string, settings: QueueSettings, listener: QueueListener): Promise<StoredQueue> {
    return this.#queues.open(name, (onClosed) => this.#open(name, settings, listener, onClosed))
  }

  async #open(name: string, settings: QueueSettings, listener: QueueListener, onClosed: () => void): Promise<RedisQueue> {
    await this.#link.look()
    const { settings: { redis: { strictDurability } }, broker, log } = this.#context
    const queue = await RedisQueue.open({
      name,
      key: this.#key(name),
      index: this.#index,
      owner: broker,
      settings,
      listener,
      link: this.#link,
      isStrict: strictDurability,
      sibling: (sibling) => this.#queues.find(sibling),
      onClosed,
    })
    const weak = tooWeak(name, settings.durability, this.#link.safety)
    if (weak !== undefined) log.warn({ queue: name, code: weak.code }, `store: ${weak.message}`)
    return queue
  }

  async names(): Promise<string[]> {
    return (await this.#link.command('SMEMBERS', this.#index)) as string[]
  }

  async remove(name: string): Promise<void> {
    await this.#link.command('UNLINK', ...queueKeys.map((what) => `${this.#key(name)}:${what}`))
    await this.#link.command('SREM', this.#index, name)
  }

  async close(): Promise<void> {
    await this.#queues.close()
    this.#link.close()
  }

  get #index(): string {
    return `${this.#context.settings.redis.prefix}:queues`
  }

  #key(name: string): string {
    return `${this.#context.settings.redis.prefix}:queue:${name}`
  }
}
