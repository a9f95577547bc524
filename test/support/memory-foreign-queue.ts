// A foreign queue as plain data, which brokers share and which can be told to fail: what a brokered queue is tested against.

import { BrokerError } from '../../broker/ground/errors.ts'
import type { QueueSettings } from '../../broker/ground/store-settings.ts'
import type { QueueListener, QueueStore } from '../../broker/ground/store.ts'
import { BrokeredQueue } from '../../broker/store/brokered/brokered-queue.ts'
import { OpenQueues } from '../../broker/store/brokered/open-queues.ts'
import type { Arrival, DeadEntry, Entry, ForeignListener, ForeignQueue, ForeignState, Kept, PutOutcome } from '../../broker/store/brokered/foreign-queue.ts'
import { recordedLog } from './recorded-log.ts'

interface Message extends Kept {
  deliveries: number
  /** Who has it; undefined: whoever asks first, from `dueMs` on. */
  holder: MemoryForeignQueue | undefined
  dueMs: number
}

/** What all brokers see of one queue. */
class Shelf {
  readonly waiting = new Map<number, Message>()
  readonly dead = new Map<number, { readonly entry: DeadEntry; readonly atMs: number }>()
  readonly ids = new Map<string, { readonly position: number; readonly untilMs: number }>()
  readonly notes = new Map<string, string>()
  readonly users = new Set<MemoryForeignQueue>()
  last = 0
  buried = 0
}

/** Ends all calls that are confirmed with an error, until it is told otherwise; what was asked is done all the same when `isDone`. */
export interface Trouble {
  error: BrokerError | undefined
  isDone: boolean
  /** Records of attempts for which a dead letter has room. */
  maxHistory: number
}

class MemoryForeignQueue implements ForeignQueue {
  readonly extendEveryMs = 1000
  readonly handoverMs = 3000
  readonly #shelf: Shelf
  readonly #broker: string
  readonly #listener: ForeignListener
  readonly #trouble: Trouble
  #settings: QueueSettings
  #wanted = 0
  #isStopped = false
  #timer: NodeJS.Timeout | undefined

  constructor(shelf: Shelf, broker: string, settings: QueueSettings, listener: ForeignListener, trouble: Trouble) {
    this.#shelf = shelf
    this.#broker = broker
    this.#settings = settings
    this.#listener = listener
    this.#trouble = trouble
    shelf.users.add(this)
  }

  put(entry: Entry, dedupe: string | undefined, done: (outcome: PutOutcome) => void): void {
    const outcome = this.#kept(entry, dedupe)
    queueMicrotask(() => {
      done(this.#trouble.error ?? outcome)
      for (const user of this.#shelf.users) user.#serve()
    })
  }

  #kept(entry: Entry, dedupe: string | undefined): PutOutcome {
    const { waiting, ids } = this.#shelf
    const { maxMessages, maxBytes, whenFull, deduplication } = this.#settings
    if (this.#trouble.error !== undefined && !this.#trouble.isDone) return this.#trouble.error
    const first = dedupe === undefined ? undefined : ids.get(dedupe)
    if (first !== undefined && first.untilMs > Date.now()) return { position: first.position, isDuplicate: true }
    const bytes = [...waiting.values()].reduce((sum, { frame }) => sum + frame.length, 0)
    if (whenFull !== 'drop-oldest' && ((maxMessages > 0 && waiting.size >= maxMessages) || (maxBytes > 0 && bytes + entry.frame.length > maxBytes))) return 'full'
    const position = ++this.#shelf.last
    waiting.set(position, { ...entry, position, storedAtMs: Date.now(), deliveries: 0, holder: undefined, dueMs: 0 })
    if (dedupe !== undefined) ids.set(dedupe, { position, untilMs: Date.now() + deduplication.windowMs })
    return { position, isDuplicate: false }
  }

  want(count: number): void {
    this.#wanted = count
    queueMicrotask(() => this.#serve())
  }

  #serve(): void {
    if (this.#isStopped) return
    const arrivals: Arrival[] = []
    let nextMs = Infinity
    const now = performance.now()
    for (const message of this.#shelf.waiting.values()) {
      if (this.#wanted === 0) break
      if (message.holder !== undefined) continue
      if (message.dueMs > now) nextMs = Math.min(nextMs, message.dueMs)
      else {
        this.#wanted--
        message.holder = this
        message.deliveries++
        arrivals.push({ ...message })
      }
    }
    clearTimeout(this.#timer)
    if (nextMs < Infinity) this.#timer = setTimeout(() => this.#serve(), nextMs - now + 1)
    if (arrivals.length > 0) this.#listener.arrived(arrivals)
  }

  finish(positions: readonly number[]): Promise<void> {
    return this.#confirmed(() => {
      for (const position of positions) if (this.#shelf.waiting.get(position)?.holder === this) this.#shelf.waiting.delete(position)
    })
  }

  giveBack(position: number, delayMs: number): Promise<void> {
    // Without its word it is given out again later, by itself.
    const message = this.#shelf.waiting.get(position)
    if (message?.holder === this) {
      message.holder = undefined
      message.dueMs = performance.now() + delayMs
    }
    return this.#confirmed(() => {
      for (const user of this.#shelf.users) user.#serve()
    })
  }

  extend(): void {}

  remove(position: number): Promise<boolean> {
    return this.#confirmed(() => this.#shelf.waiting.delete(position))
  }

  read(after: number, limit: number): Promise<Kept[]> {
    return this.#confirmed(() => [...this.#shelf.waiting.values()].filter(({ position }) => position > after).slice(0, limit))
  }

  bury(entry: DeadEntry): Promise<void> {
    if (entry.history.length > this.#trouble.maxHistory) return Promise.reject(new BrokerError('queue.bad_option', { problem: 'it is too large' }))
    return this.#confirmed(() => {
      if (this.#shelf.dead.has(entry.position)) return
      this.#shelf.dead.set(entry.position, { entry, atMs: Date.now() })
      this.#shelf.buried++
    })
  }

  readDead(after: number, limit: number): Promise<DeadEntry[]> {
    return this.#confirmed(() => this.#dead().filter(({ position }) => position > after).slice(0, limit))
  }

  removeDead(which: 'all' | readonly number[]): Promise<number> {
    return this.#confirmed(() => (which === 'all' ? this.#dead().map(({ position }) => position) : which).filter(position => this.#shelf.dead.delete(position)).length)
  }

  #dead(): DeadEntry[] {
    const { maxAgeMs } = this.#settings.deadLetter
    for (const [position, { atMs }] of this.#shelf.dead) if (maxAgeMs > 0 && atMs + maxAgeMs <= Date.now()) this.#shelf.dead.delete(position)
    return [...this.#shelf.dead.values()].map(({ entry }) => entry).toSorted((a, b) => a.position - b.position)
  }

  state(): Promise<ForeignState> {
    return this.#confirmed(() => {
      const [waiting, dead] = [[...this.#shelf.waiting.values()], this.#dead()]
      const bytes = (kept: readonly Kept[]): number => kept.reduce((sum, { frame }) => sum + frame.length, 0)
      const { last, buried } = this.#shelf
      return { messages: waiting.length, bytes: bytes(waiting), handedOut: waiting.filter(({ deliveries }) => deliveries > 0).length, lastPosition: last, puts: last, oldestAtMs: waiting[0]?.storedAtMs ?? 0, dead: dead.length, deadBytes: bytes(dead), buried }
    })
  }

  notes(): Promise<{ own: string | undefined; others: string[] }> {
    const { notes } = this.#shelf
    return this.#confirmed(() => ({ own: notes.get(this.#broker), others: [...notes].filter(([broker]) => broker !== this.#broker).map(([, text]) => text) }))
  }

  note(text: string): Promise<void> {
    return this.#confirmed(() => void this.#shelf.notes.set(this.#broker, text))
  }

  change(settings: QueueSettings): Promise<void> {
    return this.#confirmed(() => void (this.#settings = settings))
  }

  stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.#shelf.users.delete(this)
    // What it still has is another one's at once here; servers wait.
    for (const message of this.#shelf.waiting.values()) if (message.holder === this) message.holder = undefined
    return Promise.resolve()
  }

  async #confirmed<T>(work: () => T): Promise<T> {
    await Promise.resolve()
    const { error, isDone } = this.#trouble
    const done = error === undefined || isDone ? work() : undefined
    if (error !== undefined) throw error
    return done!
  }
}

/** Stores of several brokers over the same shelves. */
export class MemoryForeignStores {
  readonly #shelves = new Map<string, Shelf>()
  readonly trouble: Trouble = { error: undefined, isDone: false, maxHistory: Infinity }

  open(broker: string): Promise<QueueStore> {
    const queues = new OpenQueues<BrokeredQueue>('memory')
    const store: QueueStore = {
      backend: 'memory',
      features: { forward: false, durability: 'os', backup: false, verify: false, limits: [] },
      open: (name: string, settings: QueueSettings, listener: QueueListener) => {
        const shelf = this.#shelves.get(name) ?? new Shelf()
        this.#shelves.set(name, shelf)
        return queues.open(name, onClosed =>
          BrokeredQueue.open({
            name, settings, listener, backend: 'memory', log: recordedLog(), durability: 'os',
            open: foreign => Promise.resolve(new MemoryForeignQueue(shelf, broker, settings, foreign, this.trouble)),
            onClosed,
          }),
        )
      },
      names: () => Promise.resolve([...this.#shelves.keys()]),
      remove: name => Promise.resolve(void this.#shelves.delete(name)),
      verify: undefined,
      backup: undefined,
      close: () => queues.close(),
    }
    return Promise.resolve(store)
  }
}
