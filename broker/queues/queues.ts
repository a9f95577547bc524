// The queues of a broker by name, over one store that is opened when the first of them is. Knows no channels and no actors.

import { BrokerError } from '../ground/errors.ts'
import type { QueueStore } from '../ground/store.ts'
import type { QueueSettings } from '../ground/store-settings.ts'
import type { Account } from '../ground/slice.ts'
import { Queue, type QueueHost, type QueueObserver } from './queue.ts'

export interface QueuesOptions extends QueueHost {
  /** A number of the connections' kind, never used again. */
  nextNumber(): number
}

/** Closed queues whose numbers are still known by name, for `trace`. */
const MAX_REMEMBERED = 1024

export class Queues {
  /** Opens the store, or waits until it is open. Set while its actor runs. */
  source: (() => Promise<QueueStore>) | undefined
  /** Who follows what becomes of messages. Set once, before the first queue. */
  observerOf: (queue: Queue) => QueueObserver = () => nobody
  store: QueueStore | undefined
  /** Lets go of the store so that another process can open it, and opens it again. Set like `source`. */
  keeper: { suspend(reason: BrokerError): Promise<void>; resume(): Promise<void> } | undefined
  readonly #options: QueuesOptions
  readonly #byName = new Map<string, Queue>()
  readonly #byNumber = new Map<number, Queue>()
  readonly #names = new Map<number, string>()

  constructor(options: QueuesOptions) {
    this.#options = options
  }

  get load(): QueueHost['load'] {
    return this.#options.load
  }

  find(name: string): Queue | undefined {
    return this.#byName.get(name)
  }

  number(number: number): Queue | undefined {
    return this.#byNumber.get(number)
  }

  /** A queue as a receiver, here or not long gone: what was on its way then has its fate. */
  receiver(number: number): { readonly name: string; awaits(run: number): boolean } | undefined {
    const name = this.#names.get(number)
    return this.#byNumber.get(number) ?? (name === undefined ? undefined : { name, awaits: () => false })
  }

  list(): Queue[] {
    return [...this.#byName.values()]
  }

  /**
   * Opens a queue, and with the first one the store. One that was closed is the same as before.
   * @throws BrokerError `store.*`
   */
  async open(name: string, settings: QueueSettings, account: Account): Promise<Queue> {
    const queue = this.#byName.get(name) ?? this.#make(name, settings, account)
    queue.settings = settings
    queue.unseal()
    try {
      await queue.attach(await this.#open())
    } catch (error) {
      // Its channel tries again, and nobody else.
      queue.isClosed = true
      throw error
    }
    this.#byName.set(name, queue)
    this.#byNumber.set(queue.number, queue)
    return queue
  }

  /**
   * Before a queue is deleted: nothing more is taken, and unless it is forced there must be nothing in it. When this rejects it goes on as before.
   * @throws BrokerError `queue.not_empty`, `store.*`
   */
  async vacate(name: string, isForced: boolean): Promise<void> {
    const queue = this.#byName.get(name)
    if (queue === undefined || isForced) return
    await queue.seal(new BrokerError('channel.not_found', { channel: name }))
    try {
      const { ready, delayed, held, inFlight, deadLetters } = await queue.present.counts()
      const messages = ready + delayed + held + inFlight
      if (messages > 0 || deadLetters > 0) throw new BrokerError('queue.not_empty', { queue: name, messages, deadLetters })
    } catch (error) {
      queue.unseal()
      throw error
    }
  }

  /** It is not there any more, nor are its consumers; it is closed before. Its messages stay in the store. */
  forget(queue: Queue, reason: BrokerError): void {
    queue.consumers.end(reason)
    this.#byName.delete(queue.name)
    this.#byNumber.delete(queue.number)
    if (this.#names.size >= MAX_REMEMBERED) this.#names.delete(this.#names.keys().next().value!)
    this.#names.set(queue.number, queue.name)
  }

  /** What was to be deleted stays after all. */
  keep(name: string): void {
    this.#byName.get(name)?.unseal()
  }

  /** Deletes a queue that is closed, with all its messages. @throws BrokerError `store.*` */
  async remove(name: string): Promise<void> {
    const store = await this.#open()
    await store.remove(name)
  }

  /** The store is gone: all queues refuse until it is back. */
  away(problem: BrokerError): void {
    this.store = undefined
    for (const queue of this.#byName.values()) queue.detach(problem)
  }

  /** The store is there anew. Queues that it cannot open go on refusing, by that reason: false, and it is to be called again. */
  async back(store: QueueStore): Promise<boolean> {
    this.store = store
    let areAllOpen = true
    for (const queue of this.#byName.values()) {
      // Whoever starts its channel again opens it.
      if (queue.isClosed || queue.stored !== undefined) continue
      try {
        await queue.attach(store)
      } catch (error) {
        queue.detach(BrokerError.from(error))
        areAllOpen = false
      }
    }
    return areAllOpen
  }

  #make(name: string, settings: QueueSettings, account: Account): Queue {
    return new Queue(name, this.#options.nextNumber(), settings, account, this.#options, this.observerOf)
  }

  async #open(): Promise<QueueStore> {
    if (this.source === undefined) throw new BrokerError('store.unavailable', { backend: this.#options.backend, problem: 'it is not running' })
    return (this.store = await this.source())
  }
}

const nobody: QueueObserver = { kept() {}, leaseChanged() {}, happened() {} }
