// A store in this process: SQLite on a thread of its own, in a file or in memory.

import { BrokerError } from '../../ground/errors.ts'
import type { Damage, QueueListener, QueueSettings, QueueStore, StoreBackend, StoredQueue, StoreFeatures, VerifyReport } from '../../ground/store.ts'
import type { Log } from '../../ground/types.ts'
import type { DamageList } from './damage-list.ts'
import { EmbeddedQueue } from './embedded-queue.ts'
import { backupInThread, verifyInThread, type Running } from './maintenance.ts'
import type { StoreThread } from './store-thread.ts'
import type { VerifyWishes } from './verify.ts'

/** Of one processor, for the check after a start. */
const QUIET_SHARE = 0.2
/** It begins when the start, which has the machine to do, is over. ms */
const QUIET_AFTER_MS = 2000

const features: Record<'embedded' | 'memory', StoreFeatures> = {
  embedded: { forward: true, durability: 'fsync', backup: true, verify: true, limits: ['all queues stand on one disk of one machine; who needs more copies takes the backend nats'] },
  memory: { forward: true, durability: 'memory', backup: false, verify: false, limits: ['messages end with the process, whatever durability a queue asks for', 'every message takes memory of the broker'] },
}

export class EmbeddedStore implements QueueStore {
  readonly backend: StoreBackend
  readonly features: StoreFeatures
  readonly verify: QueueStore['verify'] = undefined
  readonly backup: QueueStore['backup'] = undefined
  readonly #damages: DamageList
  /** Checks and backups that are under way. */
  readonly #running = new Set<Running<unknown>>()
  #soon: NodeJS.Timeout | undefined
  readonly #thread: StoreThread
  readonly #queues = new Map<string, EmbeddedQueue>()
  /** Names that are being opened. */
  readonly #opening = new Set<string>()

  /** @param directory where its files are; undefined: it has none */
  constructor(backend: 'embedded' | 'memory', thread: StoreThread, damages: DamageList, directory: string | undefined) {
    this.backend = backend
    this.features = features[backend]
    this.#thread = thread
    this.#damages = damages
    if (directory === undefined) return
    this.verify = (queue, onProgress) => this.#check({ directory, queue }, onProgress)
    this.backup = (file, about, onProgress) => this.#attend(backupInThread({ directory, file, ...about }, onProgress))
  }

  get damages(): readonly Damage[] {
    return this.#damages.all
  }

  /** Looks for damage in the background, with a fifth of one processor; what it finds is told like any other. */
  checkSoon(directory: string, log: Log): void {
    this.#soon = setTimeout(() => this.#checkQuietly(directory, log), QUIET_AFTER_MS).unref()
  }

  #checkQuietly(directory: string, log: Log): void {
    const startedMs = performance.now()
    this.#check({ directory, share: QUIET_SHARE }, () => {}).then(
      ({ checked, damages }) => log.info({ checked, damages: damages.length, ms: Math.round(performance.now() - startedMs) }, 'the store was checked'),
      // Closed meanwhile, most likely: the next start checks again.
      (error: unknown) => log.warn({ err: error }, 'the store could not be checked'),
    )
  }

  async #check(wishes: VerifyWishes, onProgress: (done: number, total: number) => void): Promise<VerifyReport> {
    const report = await this.#attend(verifyInThread(wishes, onProgress))
    for (const damage of report.damages) this.#damages.add(damage)
    return report
  }

  async #attend<T>(running: Running<T>): Promise<T> {
    this.#running.add(running)
    try {
      return await running.result
    } finally {
      this.#running.delete(running)
    }
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
    clearTimeout(this.#soon)
    await Promise.all([...this.#running].map((running) => running.stop()))
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()))
    await this.#thread.end()
  }
}
