// One queue of any store, used as the broker uses it: what it tells its listener is kept and waited for. Knows no store.

import { EventEmitter, once } from 'node:events'
import type { ExecutionContext } from 'ava'
import { encodeFrame, decodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { BrokerError, ErrorCode } from '../../broker/ground/errors.ts'
import type { Append, AppendWatch, Durability, Leased, QueueCounts, QueueEvent, QueueListener, QueueStore, SettleOutcome, Settlement, StoredQueue } from '../../broker/ground/store.ts'
import { defaultQueue, type QueueSettings } from '../../broker/ground/store-settings.ts'

/** Where a test keeps queues: each opening sees what the one before left. */
export interface StoreWorld {
  /** Several may be open at a time where the store can be shared, each of a broker of its own. */
  open(broker: string): Promise<QueueStore>
  /** The name of a queue that no other test uses. */
  readonly queue: string
}

/** What became of one message that was appended. */
export type Fate = { readonly position: number; readonly isDuplicate: boolean } | { readonly dropped: true } | { readonly refused: ErrorCode }

export interface AppendOptions extends Partial<Pick<Append, 'messageId' | 'session' | 'sequence' | 'dueAtMs' | 'expiresAtMs' | 'durability'>> {
  /** Bytes of padding in each payload. */
  readonly padding?: number
}

/** A message on lease, readable. */
export interface Taken extends Leased {
  readonly text: string
}

export type Overrides = { readonly [Key in keyof QueueSettings]?: Partial<QueueSettings[Key]> }

/** What a queue of a test is told: no waits where the test does not ask for them. */
export function queueSettings(overrides: Overrides = {}): QueueSettings {
  const base: QueueSettings = { ...defaultQueue, durability: 'os', maxMessages: 0, maxBytes: 0, retry: { maxAttempts: 3, backoff: 'fixed', initialDelayMs: 0, maxDelayMs: 60_000, jitter: 0 } }
  const merged = Object.entries(overrides).map(([key, value]) => [key, typeof value === 'object' ? { ...(base[key as keyof QueueSettings] as object), ...value } : value])
  return { ...base, ...(Object.fromEntries(merged) as QueueSettings) }
}

/** A publish as the router hands it on. */
function frameOf(text: string, padding = 0, subject = 'jobs.test'): Uint8Array {
  return encodeFrame({ kind: Kind.publish, origin: 7, id: 1, time: Date.now() * 1000, subject, payload: Buffer.from(text.padEnd(text.length + padding, ' ')) })
}

/** The text of a frame that `frameOf` made. */
export function textOf(frame: Uint8Array): string {
  return Buffer.from(decodeFrame(frame, 0, frame.length).payload).toString().trimEnd()
}

/** An append of these texts; what becomes of each is told in order. */
export function appendOf(texts: readonly string[], { padding = 0, ...options }: AppendOptions, fates: (each: Fate[]) => void, durability: Durability): Append {
  const bytes = Buffer.concat(texts.map(text => frameOf(text, padding)))
  const told: Fate[] = []
  const tell = (count: number, fate: (index: number) => Fate): void => {
    for (let index = 0; index < count; index++) told.push(fate(index))
    if (told.length > texts.length) throw new Error(`${told.length} fates of ${texts.length} messages`)
    if (told.length === texts.length) fates(told)
  }
  const watch: AppendWatch = {
    stored: (position, count, isDuplicate) => tell(count, index => ({ position: position + index, isDuplicate })),
    dropped: count => tell(count, () => ({ dropped: true })),
    refused: (count, error) => tell(count, () => ({ refused: error.code })),
  }
  return { bytes, start: 0, end: bytes.length, count: texts.length, messageId: undefined, session: undefined, sequence: 0, dueAtMs: 0, expiresAtMs: 0, durability, watch, ...options }
}

export class QueueRig implements QueueListener {
  readonly #t: ExecutionContext
  readonly #world: StoreWorld
  readonly #broker: string
  readonly #news = new EventEmitter()
  #store!: QueueStore
  #queue!: StoredQueue
  settings: QueueSettings
  /** All that was leased since it was opened, in order. */
  readonly leases: Taken[] = []
  #taken = 0
  readonly events: QueueEvent[] = []
  readonly problems: (BrokerError | undefined)[] = []

  private constructor(t: ExecutionContext, world: StoreWorld, settings: QueueSettings, broker: string) {
    this.#broker = broker
    this.#t = t
    this.#world = world
    this.settings = settings
    this.#news.setMaxListeners(0)
  }

  static async open(t: ExecutionContext, world: StoreWorld, overrides: Overrides = {}, broker = 'b1'): Promise<QueueRig> {
    const rig = new QueueRig(t, world, queueSettings(overrides), broker)
    // What cannot be opened has nothing to close.
    await rig.#open()
    t.teardown(() => rig.#store.close())
    return rig
  }

  get queue(): StoredQueue {
    return this.#queue
  }

  get store(): QueueStore {
    return this.#store
  }

  async #open(): Promise<void> {
    this.#store = await this.#world.open(this.#broker)
    try {
      this.#queue = await this.#store.open(this.#world.queue, this.settings, this)
    } catch (error) {
      await this.#store.close()
      throw error
    }
  }

  /** Closed, and open again with what is kept; what was on lease is not any more. */
  async reopen(): Promise<void> {
    await this.#queue.close()
    await this.#store.close()
    this.leases.length = 0
    this.#taken = 0
    this.events.length = 0
    await this.#open()
  }

  leased(messages: readonly Leased[]): void {
    for (const message of messages) this.leases.push({ ...message, frame: new Uint8Array(message.frame), text: textOf(message.frame) })
    this.#news.emit('news')
  }

  happened(events: readonly QueueEvent[]): void {
    this.events.push(...events)
    this.#news.emit('news')
  }

  stateChanged(problem: BrokerError | undefined): void {
    this.problems.push(problem)
    this.#news.emit('news')
  }

  /** Resolves when it holds; looked at whenever the store says something. */
  async when(holds: () => boolean): Promise<void> {
    while (!holds()) await once(this.#news, 'news')
  }

  /** What becomes of each text. */
  append(texts: string | readonly string[], options: AppendOptions = {}): Promise<Fate[]> {
    return new Promise(resolve => {
      const append = appendOf(typeof texts === 'string' ? [texts] : texts, options, resolve, this.settings.durability)
      this.#queue.append(append)
      // The bytes are the caller's again, who writes the next ones there.
      append.bytes.fill(0)
    })
  }

  /** Positions of texts that all must be stored. */
  async stored(texts: string | readonly string[], options: AppendOptions = {}): Promise<number[]> {
    const fates = await this.append(texts, options)
    return fates.map(fate => {
      if (!('position' in fate) || fate.isDuplicate) throw new Error(`not stored: ${JSON.stringify(fate)}`)
      return fate.position
    })
  }

  /** The next ones that are leased, without asking for any. */
  async next(count = 1): Promise<Taken[]> {
    const from = this.#taken
    this.#taken += count
    await this.when(() => this.leases.length >= from + count)
    return this.leases.slice(from, from + count)
  }

  /** Asks for as many, and waits for them. */
  take(count = 1): Promise<Taken[]> {
    this.#queue.demand(count)
    return this.next(count)
  }

  /** How many were leased and not waited for by `take` or `next`. */
  get unexpected(): number {
    return this.leases.length - this.#taken
  }

  settle(...settlements: readonly Settlement[]): Promise<SettleOutcome> {
    return new Promise(resolve => this.#queue.settle(settlements, resolve))
  }

  /** Settles and asserts that no lease was lost. */
  async does(verdict: Settlement['verdict'], messages: readonly Leased[], more: Partial<Settlement> = {}): Promise<void> {
    const outcome = await this.settle(...messages.map(({ position, attempt }) => ({ position, attempt, verdict, ...more })))
    this.#t.deepEqual(outcome, { lost: [] })
  }

  /** The first event of that kind at that position, now or later. */
  async event(event: QueueEvent['event'], position: number): Promise<QueueEvent> {
    let found: QueueEvent | undefined
    await this.when(() => (found = this.events.find(each => each.event === event && each.position === position)) !== undefined)
    return found!
  }

  counts(): Promise<QueueCounts> {
    return this.#queue.counts()
  }

  /** Asserts these counts, and that everything is counted once. */
  async counted(expected: Partial<QueueCounts>): Promise<void> {
    const counts = await this.counts()
    this.#t.like(counts, expected)
    this.#t.is(imbalance(counts), 0, JSON.stringify(counts))
  }

  /** Texts of what is kept, in order of position. */
  async texts(which: 'waiting' | 'dead'): Promise<string[]> {
    return (await this.#queue.list({ which, after: 0, limit: 1000 })).map(({ frame }) => textOf(frame))
  }
}

/** What has come in and is neither gone nor there; 0 holds for every queue at any time. */
export function imbalance(counts: QueueCounts): number {
  const { stored, replayed, acked, forwarded, deadLettered, expired, dropped, purged, ready, delayed, held, inFlight } = counts
  return stored + replayed - acked - forwarded - deadLettered - expired - dropped - purged - ready - delayed - held - inFlight
}
