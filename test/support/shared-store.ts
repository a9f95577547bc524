// One store for all tests of a file, each with queues of its own: opening one costs a thread, a tenth of a second of a processor.

import type { QueueStore, StoredQueue } from '../../broker/ground/store.ts'
import type { StoreWorld } from './queue-rig.ts'

export class SharedStore {
  readonly #open: () => Promise<QueueStore>
  #opened: Promise<QueueStore> | undefined
  #worlds = 0

  constructor(open: () => Promise<QueueStore>) {
    this.#open = open
  }

  /** For one test: it closes its queues, and the store stays. */
  world(): StoreWorld {
    return { queue: `jobs-${++this.#worlds}`, open: async () => part(await (this.#opened ??= this.#open())) }
  }

  /** After the last test. */
  async close(): Promise<void> {
    await (await this.#opened)?.close()
  }
}

function part(store: QueueStore): QueueStore {
  const queues: StoredQueue[] = []
  return {
    backend: store.backend,
    features: store.features,
    verify: store.verify,
    backup: store.backup,
    names: () => store.names(),
    remove: name => store.remove(name),
    open: async (name, settings, listener) => {
      const queue = await store.open(name, settings, listener)
      queues.push(queue)
      return queue
    },
    close: async () => {
      await Promise.all(queues.map(queue => queue.close()))
    },
  }
}
