// A store in this process: SQLite on a thread of its own, in a file or in memory.

import { BrokerError } from '../../ground/errors.ts'
import type { QueueListener, QueueSettings, QueueStore, StoreBackend, StoredQueue, StoreFeatures } from '../../ground/store.ts'
import { EmbeddedQueue } from './embedded-queue.ts'
import type { StoreThread } from './store-thread.ts'

const features: Record<'embedded' | 'memory', StoreFeatures> = {
  embedded: { forward: true, durability: 'fsync', backup: false, verify: false, limits: ['All queues stand on one disk of one machine; who needs more copies takes the backend nats.'] },
  memory: { forward: true, durability: 'memory', backup: false, verify: false, limits: ['Messages end with the process, whatever durability a queue asks for.', 'Every message takes memory.'] },
}

export class EmbeddedStore implements QueueStore {
  readonly backend: StoreBackend
  readonly features: StoreFeatures
  readonly verify = undefined
  readonly backup = undefined
  readonly #thread: StoreThread
  readonly #queues = new Map<string, EmbeddedQueue>()
  /** Names that are being opened. */
  readonly #opening = new Set<string>()

  constructor(backend: 'embedded' | 'memory', thread: StoreThread) {
    this.backend = backend
    this.features = features[backend]
    this.#thread = thread
  }

  async open(name: string, settings: QueueSettings, listener: QueueListener): Promise<StoredQueue> {
    if (this.#queues.has(name) || this.#opening.has(name)) throw new BrokerError('store.in_use', { path: `queue ${name}`, problem: 'the queue is open already' })
    this.#opening.add(name)
    try {
      const { queue: number, isPaused } = await this.#thread.open(name, settings, listener)
      const numberOf = (other: string): number => this.#queues.get(other)?.number ?? 0
      const queue = new EmbeddedQueue({ name, number, isPaused, durability: settings.durability, backend: this.backend, thread: this.#thread, numberOf, onClosed: () => this.#queues.delete(name) })
      this.#queues.set(name, queue)
      return queue
    } finally {
      this.#opening.delete(name)
    }
  }

  names(): Promise<readonly string[]> {
    return this.#thread.call('names', {})
  }

  remove(name: string): Promise<void> {
    return this.#thread.call('remove', { name })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()))
    await this.#thread.end()
  }
}
