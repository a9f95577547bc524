// Queues in a Redis server, which several brokers may share. One pair of connections for all queues, which comes back by itself.

import { BrokerError } from '../../ground/errors.ts'
import type { QueueListener, QueueStore, StoreContext, StoredQueue, StoreFeatures } from '../../ground/store.ts'
import type { QueueSettings } from '../../ground/store-settings.ts'
import { tooWeak } from './durability.ts'
import { queueKeys } from './lua/ground.ts'
import type { RedisLink } from './redis-link.ts'
import { RedisQueue } from './redis-queue.ts'

export class RedisStore implements QueueStore {
  readonly backend = 'redis'
  readonly features: StoreFeatures
  readonly verify = undefined
  readonly backup = undefined
  readonly #context: StoreContext
  readonly #link: RedisLink
  readonly #queues = new Map<string, RedisQueue>()
  /** Those that are being opened. */
  readonly #opening = new Set<string>()

  constructor(context: StoreContext, link: RedisLink) {
    this.#context = context
    this.#link = link
    this.features = {
      forward: true,
      durability: link.safety.evicts === undefined ? link.safety.gives : 'memory',
      backup: false,
      verify: false,
      limits: [
        ...(link.safety.problem === '' ? [] : [link.safety.problem]),
        'every message takes memory of the server',
        'there is one server: replicas are written to later than a message is confirmed, and a failover to one may lose what was confirmed',
        'frames have no checksums of their own: what is damaged in the memory or the files of the server is not found here',
      ],
    }
  }

  async open(name: string, settings: QueueSettings, listener: QueueListener): Promise<StoredQueue> {
    if (this.#queues.has(name) || this.#opening.has(name)) throw new BrokerError('store.in_use', { path: `queue ${name}`, problem: 'it is open already' })
    if (this.#link.problem !== undefined) throw this.#link.problem
    const { settings: { redis: { strictDurability } }, broker, log } = this.#context
    this.#opening.add(name)
    try {
      const queue = await RedisQueue.open({
        name,
        key: this.#key(name),
        index: this.#index,
        owner: broker,
        settings,
        listener,
        link: this.#link,
        isStrict: strictDurability,
        sibling: (sibling) => this.#queues.get(sibling),
        onClosed: () => this.#queues.delete(name),
      })
      this.#queues.set(name, queue)
      const weak = tooWeak(name, settings.durability, this.#link.safety)
      if (weak !== undefined) log.warn({ queue: name, code: weak.code }, `store: ${weak.message}`)
      return queue
    } finally {
      this.#opening.delete(name)
    }
  }

  async names(): Promise<string[]> {
    return (await this.#link.command('SMEMBERS', this.#index)) as string[]
  }

  async remove(name: string): Promise<void> {
    await this.#link.command('UNLINK', ...queueKeys.map((what) => `${this.#key(name)}:${what}`))
    await this.#link.command('SREM', this.#index, name)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()))
    this.#link.close()
  }

  get #index(): string {
    return `${this.#context.settings.redis.prefix}:queues`
  }

  #key(name: string): string {
    return `${this.#context.settings.redis.prefix}:queue:${name}`
  }
}
