// A store of queues in memory for tests of the broker's side: what it was given can be looked at, and it answers when a test says so.

import type { BrokerError } from '../../broker/ground/errors.ts'
import type { Append, QueueCounts, QueueListener, QueueSettings, QueueStore, Selection, Settlement, SettleOutcome, StoredMessage, StoredQuery, StoredQueue } from '../../broker/ground/store.ts'

export interface KeptAppend extends Omit<Append, 'bytes' | 'start' | 'end' | 'watch'> {
  readonly bytes: Uint8Array
  readonly position: number
}

/** A queue that stores at once, in a microtask, unless it is told to hold. Duplicates are told by their message id. */
export class FakeQueue implements StoredQueue {
  readonly name: string
  readonly settings: QueueSettings
  readonly listener: QueueListener
  readonly kept: KeptAppend[] = []
  /** Set by a test whose store can do that. */
  forward: StoredQueue['forward'] = undefined
  isPaused = false
  isClosed = false
  /** Appends wait until `release()`. */
  isHolding = false
  /** What refuses them instead. */
  refusal: BrokerError | undefined
  /** What refuses settlements. */
  settlementRefusal: BrokerError | undefined
  demanded = 0
  /** Dead letters, as a test puts them here. */
  readonly dead: StoredMessage[] = []
  readonly settled: Settlement[] = []
  /** Messages of one page at most, as of a store that hands out so many bytes. */
  maxPage = Infinity
  #held: (() => void)[] = []
  #last = 0

  constructor(name: string, settings: QueueSettings, listener: QueueListener) {
    this.name = name
    this.settings = settings
    this.listener = listener
  }

  append({ bytes, start, end, watch, ...rest }: Append): void {
    const { count, messageId } = rest
    // Not `slice`: a Buffer's is a view, and the chunk is given back at the turn's end.
    const copy = new Uint8Array(bytes.subarray(start, end))
    const answer = (): void => {
      if (this.refusal !== undefined) return watch.refused(count, this.refusal)
      const first = messageId === undefined ? undefined : this.kept.find(each => each.messageId === messageId)
      if (first !== undefined) return watch.stored(first.position, 1, true)
      const position = this.#last + 1
      this.#last += count
      this.kept.push({ ...rest, bytes: copy, position })
      watch.stored(position, count, false)
    }
    if (this.isHolding) this.#held.push(answer)
    else queueMicrotask(answer)
  }

  /** Answers what was held, and holds no more. */
  release(): void {
    this.isHolding = false
    const held = this.#held
    this.#held = []
    for (const answer of held) answer()
  }

  demand(more: number): void {
    this.demanded += more
  }

  settle(settlements: readonly Settlement[], done?: (outcome: SettleOutcome) => void): void {
    const error = this.settlementRefusal
    if (error === undefined) this.settled.push(...settlements)
    queueMicrotask(() => done?.({ lost: [], ...(error === undefined ? {} : { error }) }))
  }

  async counts(): Promise<QueueCounts> {
    const [waiting, dead] = [this.#waiting(), this.dead]
    const bytes = (messages: readonly StoredMessage[]): number => messages.reduce((sum, { frame }) => sum + frame.length, 0)
    return {
      ready: this.kept.reduce((sum, { count }) => sum + count, 0), delayed: 0, held: 0, inFlight: 0, bytes: bytes(waiting), deadLetters: dead.length, deadLetterBytes: bytes(dead),
      stored: this.#last, duplicates: 0, acked: 0, forwarded: 0, deadLettered: 0, expired: 0, dropped: 0, purged: 0, replayed: 0, retried: 0, lastPosition: this.#last, oldestAtMs: waiting[0]?.storedAtMs ?? 0,
    }
  }

  async list({ which, after, limit }: StoredQuery): Promise<readonly StoredMessage[]> {
    return (which === 'dead' ? this.dead : this.#waiting()).filter(({ position }) => position > after).slice(0, Math.min(limit, this.maxPage))
  }

  async replay(which: Selection): Promise<number> {
    return this.#take(this.dead, which)
  }

  async purge(which: 'waiting' | 'dead', selection: Selection): Promise<number> {
    return this.#take(which === 'dead' ? this.dead : this.kept, selection)
  }

  #take(messages: { readonly position: number }[], which: Selection): number {
    const rest = which === 'all' ? [] : messages.filter(({ position }) => !which.includes(position))
    return messages.splice(0, messages.length, ...rest as never[]).length - rest.length
  }

  // One message for each append: who looks into a queue here appends one by one.
  #waiting(): StoredMessage[] {
    return this.kept.map(({ bytes, position, messageId, session, dueAtMs, expiresAtMs }) => ({
      position, state: 'ready', attempts: 0, frame: bytes, storedAtMs: 1000 + position, dueAtMs, expiresAtMs, ...(messageId !== undefined && { messageId }), ...(session !== undefined && { session }),
    }))
  }

  async pause(isPaused: boolean): Promise<void> {
    this.isPaused = isPaused
  }

  async change(): Promise<void> {}

  async close(): Promise<void> {
    this.isClosed = true
    this.release()
  }
}

export class FakeStore implements QueueStore {
  readonly backend = 'memory'
  readonly features = { forward: false, durability: 'memory', backup: false, verify: false, limits: [] } as const
  readonly verify = undefined
  readonly backup = undefined
  readonly queues = new Map<string, FakeQueue>()
  readonly removed: string[] = []
  /** Queues are open when it resolves. */
  opening: Promise<void> | undefined

  async open(name: string, settings: QueueSettings, listener: QueueListener): Promise<FakeQueue> {
    await this.opening
    const queue = new FakeQueue(name, settings, listener)
    this.queues.set(name, queue)
    return queue
  }

  async names(): Promise<string[]> {
    return [...this.queues.keys()]
  }

  async remove(name: string): Promise<void> {
    this.removed.push(name)
  }

  async close(): Promise<void> {
    for (const queue of this.queues.values()) await queue.close()
  }
}
