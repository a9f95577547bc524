// The queues of one store that are open: each of them once at a time, and none any more when the store is closed.

import { BrokerError } from '../../ground/errors.ts'
import type { StoreBackend } from '../../ground/store.ts'

export class OpenQueues<Queue extends { close(): Promise<void> }> {
  readonly #backend: StoreBackend
  readonly #queues = new Map<string, Queue>()
  readonly #opening = new Map<string, Promise<unknown>>()
  #isClosed = false

  constructor(backend: StoreBackend) {
    this.#backend = backend
  }

  find(name: string): Queue | undefined {
    return this.#queues.get(name)
  }

  /**
   * What `open` gives, until it calls `onClosed`.
   * @throws BrokerError `store.in_use` when it is open, or being opened; `store.unavailable` when the store is closed; what `open` throws
   */
  async open(name: string, open: (onClosed: () => void) => Promise<Queue>): Promise<Queue> {
    if (this.#queues.has(name) || this.#opening.has(name)) throw new BrokerError('store.in_use', { path: `queue ${name}`, problem: 'it is open already' })
    if (this.#isClosed) throw new BrokerError('store.unavailable', { backend: this.#backend, problem: 'the store is closed' })
    const opening = open(() => this.#queues.delete(name))
    this.#opening.set(name, opening)
    try {
      const queue = await opening
      this.#queues.set(name, queue)
      return queue
    } finally {
      this.#opening.delete(name)
    }
  }

  /** Closes all of them, those as well that are being opened. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#opening.values())
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()))
  }
}
