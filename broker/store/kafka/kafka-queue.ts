// One queue in Kafka, as far as it is not done in brokered-queue.ts: three topics, of which this broker alone makes a queue.
//
//   put ─▶ waiting ─▶ shelf ─ take ─▶ journal: out ─▶ arrived ─┬─ finish ─▶ journal: done
//                       ▲                                      └─ giveBack ─▶ journal: back
//                       └──────────────────────────────────────────────────────┘

import { randomUUID } from 'node:crypto'
import { BrokerError } from '../../ground/errors.ts'
import type { QueueSettings } from '../../ground/store-settings.ts'
import type { Log } from '../../ground/types.ts'
import type { Arrival, DeadEntry, Entry, ForeignListener, ForeignQueue, ForeignState, Kept, PutOutcome } from '../brokered/foreign-queue.ts'
import { Custody } from './custody.ts'
import { DeadLetters } from './dead-letters.ts'
import { readEntry } from './entry-headers.ts'
import { Journal } from './journal.ts'
import { typeOf, unavailable, type KafkaLink } from './kafka-link.ts'
import type { Fact, JournalEvent } from './ledger.ts'
import type { QueueTopics } from './names.ts'
import { PartitionLog, type LogRecord } from './partition-log.ts'
import { Puts } from './puts.ts'
import { Shelf, type Shelved } from './shelf.ts'

export interface KafkaQueueOptions {
  readonly name: string
  /** Id of this broker. */
  readonly broker: string
  readonly settings: QueueSettings
  readonly topics: QueueTopics
  readonly link: KafkaLink
  readonly log: Log
  readonly patience: Patience
  readonly listener: ForeignListener
}

export interface Patience {
  /** How long a write is tried again before Kafka counts as away. ms */
  readonly writeMs: number
  /** A queue of another broker that shows nothing for so long is free. ms */
  readonly silenceMs: number
}

/** Handed out in one step. */
const MAX_OUT = 500
/** Positions in one fact. */
const MAX_LOST = 5000

export class KafkaQueue implements ForeignQueue {
  // What has arrived is this broker's as long as the queue is, and whoever opens it next begins with it.
  readonly extendEveryMs = 2 ** 30
  readonly handoverMs = 0
  readonly waitsUntilDue = true
  readonly #options: KafkaQueueOptions
  readonly #shelf: Shelf
  readonly #journal: Journal
  readonly #waiting: PartitionLog
  readonly #puts: Puts
  readonly #dead: DeadLetters
  readonly #custody: Custody
  #wanted = 0
  #isStopped = false
  #serving: Promise<void> | undefined
  /** Something may be there to serve since the last one was looked for. */
  #isAskedAgain = false
  #timer: NodeJS.Timeout | undefined
  #mayTrim = true

  private constructor(options: KafkaQueueOptions) {
    const { name, broker, settings, topics, link, listener, patience } = options
    const onLost = (problem: BrokerError): void => this.#custody.lost(problem)
    const common = { link, patienceMs: patience.writeMs, onLost }
    this.#options = options
    this.#shelf = new Shelf(() => this.#journal.ledger.settled)
    this.#journal = new Journal({ ...common, topic: topics.journal, by: randomUUID(), broker, onEvent: (event) => this.#happened(event), onSummary: (offset) => void this.#trim(offset) })
    this.#waiting = new PartitionLog({ ...common, topic: topics.waiting, digest: (records) => this.#came(records) })
    const dead = new PartitionLog({ ...common, topic: topics.dead, digest: () => {} })
    this.#puts = new Puts(this.#waiting, this.#shelf, settings)
    this.#dead = new DeadLetters(dead, this.#journal, settings.deadLetter.maxAgeMs)
    this.#custody = new Custody({
      queue: name, broker, silenceMs: patience.silenceMs, link, journal: this.#journal, journalTopic: topics.journal, waiting: this.#waiting, dead,
      onChange: (problem) => {
        listener.stateChanged(problem)
        this.#serveSoon()
      },
    })
  }

  /** @throws BrokerError `store.unavailable`, `store.in_use` */
  static async open(options: KafkaQueueOptions): Promise<KafkaQueue> {
    const queue = new KafkaQueue(options)
    try {
      await queue.#custody.take()
      await queue.#lose(queue.#waiting.first)
    } catch (error) {
      await queue.#custody.release()
      throw error
    }
    return queue
  }

  put(entry: Entry, dedupe: string | undefined, done: (outcome: PutOutcome) => void): void {
    this.#puts.put(entry, dedupe, done)
  }

  want(count: number): void {
    this.#wanted = count
    this.#serveSoon()
  }

  finish(positions: readonly number[]): Promise<void> {
    return this.#write({ done: positions })
  }

  async giveBack(position: number, delayMs: number): Promise<void> {
    const entry = this.#shelf.get(position)
    if (entry?.state !== 'out') return
    const dueAtMs = delayMs === 0 ? 0 : Date.now() + delayMs
    this.#shelf.return(entry, 'back', dueAtMs)
    this.#serveSoon()
    // Its delivery is counted already: at once needs no word.
    if (dueAtMs > 0) await this.#write({ back: [position, dueAtMs] })
  }

  // Nobody else can get it.
  extend(): void {}

  async remove(position: number): Promise<boolean> {
    const entry = this.#shelf.get(position)
    if (entry === undefined || entry.state === 'out' || entry.state === 'taken') return false
    // Not handed out while it is being removed.
    this.#shelf.move(entry, 'taken')
    try {
      await this.#write({ done: [position] })
    } catch (error) {
      if (this.#shelf.get(position) === entry) this.#shelf.return(entry, 'free', entry.dueAtMs)
      throw error
    }
    return true
  }

  read(after: number, limit: number): Promise<Kept[]> {
    return this.#framesOf(this.#shelf.after(after, limit))
  }

  bury(entry: DeadEntry): Promise<void> {
    return this.#dead.bury(entry)
  }

  readDead(after: number, limit: number): Promise<DeadEntry[]> {
    return this.#dead.read(after, limit)
  }

  removeDead(which: 'all' | readonly number[]): Promise<number> {
    return this.#dead.remove(which)
  }

  state(): Promise<ForeignState> {
    const { problem } = this.#custody
    if (problem !== undefined) return Promise.reject(problem)
    const { size, bytes, outCount, backCount } = this.#shelf
    const last = this.#waiting.next
    const [oldest] = this.#shelf.after(0, 1)
    return Promise.resolve({ messages: size, bytes, handedOut: outCount + backCount, lastPosition: last, puts: last, oldestAtMs: oldest?.storedAtMs ?? 0, ...this.#dead.size, buried: this.#journal.ledger.buried })
  }

  notes(): Promise<{ own: string | undefined; others: string[] }> {
    const { notes } = this.#journal.ledger
    const { broker } = this.#options
    return Promise.resolve({ own: notes.get(broker), others: [...notes].filter(([by]) => by !== broker).map(([, text]) => text) })
  }

  note(text: string): Promise<void> {
    return this.#write({ note: [this.#options.broker, text] })
  }

  change(settings: QueueSettings): Promise<void> {
    this.#puts.settings = settings
    this.#dead.maxAgeMs = settings.deadLetter.maxAgeMs
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#serving
  }

  close(): Promise<void> {
    return this.#custody.release()
  }

  #write(fact: Fact): Promise<void> {
    return this.#journal.write(fact)
  }

  #serveSoon(): void {
    if (this.#isStopped || this.#wanted === 0 || this.#custody.problem !== undefined) return
    if (this.#serving !== undefined) return void (this.#isAskedAgain = true)
    this.#isAskedAgain = false
    this.#serving = Promise.resolve()
      .then(() => this.#serve())
      // Whoever could not write or read has said so.
      .catch((error: unknown) => this.#custody.lost(BrokerError.from(error)))
      .finally(() => {
        this.#serving = undefined
        // It came when all was looked at, and before this.
        if (this.#isAskedAgain) this.#serveSoon()
      })
  }

  async #serve(): Promise<void> {
    while (this.#wanted > 0 && !this.#isStopped) {
      const taken: Shelved[] = []
      const most = Math.min(this.#wanted, MAX_OUT)
      for (let entry = this.#shelf.take(Date.now()); entry !== undefined; entry = taken.length < most ? this.#shelf.take(Date.now()) : undefined) taken.push(entry)
      if (taken.length === 0) break
      await this.#handOut(taken)
    }
    this.#armTimer()
  }

  // Counted before anybody is told of it.
  async #handOut(taken: readonly Shelved[]): Promise<void> {
    const { ledger } = this.#journal
    let frames: readonly Kept[]
    try {
      frames = await this.#framesOf(taken)
      if (frames.length === 0) return
      await this.#write({ out: frames.map(({ position }) => position) })
    } catch (error) {
      for (const entry of taken) this.#shelf.return(entry, 'free', 0)
      throw error
    }
    const arrivals: Arrival[] = []
    for (const kept of frames) {
      const entry = this.#shelf.get(kept.position)
      if (entry?.state !== 'taken') continue
      this.#shelf.move(entry, 'out')
      arrivals.push({ ...kept, deliveries: ledger.mark(kept.position).deliveries })
    }
    this.#wanted = Math.max(0, this.#wanted - arrivals.length)
    if (arrivals.length > 0) this.#options.listener.arrived(arrivals)
  }

  #armTimer(): void {
    clearTimeout(this.#timer)
    const { nextMs } = this.#shelf
    if (this.#isStopped || nextMs === Infinity) return
    this.#timer = setTimeout(() => this.#serveSoon(), Math.min(2 ** 31 - 1, Math.max(1, nextMs - Date.now())))
  }

  /** Of those that are still there, read from the topic where they are not in memory. */
  async #framesOf(entries: readonly Shelved[]): Promise<Kept[]> {
    const near = new Map<number, Kept>()
    const found: Kept[] = []
    for (const entry of entries) {
      const { position } = entry
      if (entry.kept === undefined && !near.has(position)) for (const record of await this.#recordsAt(position - 1)) near.set(record.offset + 1, readEntry(record))
      if (this.#shelf.get(position) !== entry) continue
      const kept = entry.kept ?? near.get(position)
      if (kept === undefined) throw unavailable(`topic ${this.#options.topics.waiting} does not give the record of position ${position}`)
      found.push(kept)
    }
    return found
  }

  async #recordsAt(offset: number): Promise<LogRecord[]> {
    try {
      return await this.#waiting.at(offset)
    } catch (error) {
      if (typeOf(error) !== 'OFFSET_OUT_OF_RANGE') throw error
      const { link, topics } = this.#options
      await this.#lose(await link.first(topics.waiting))
      return []
    }
  }

  // What waited below that offset was deleted by others: it must not stop what comes after it.
  async #lose(first: number): Promise<void> {
    const { name, log, topics } = this.#options
    const { settled } = this.#journal.ledger
    const lost: number[] = []
    for (let position = settled.nextFree(1); position <= first; position = settled.nextFree(position + 1)) lost.push(position)
    if (lost.length === 0) return
    log.error({ queue: name, messages: lost.length, from: lost[0], to: lost.at(-1) }, `store: messages of this queue are gone: Kafka, or somebody, has deleted the first records of ${topics.waiting} (its retention must be -1)`)
    for (let from = 0; from < lost.length; from += MAX_LOST) await this.#write({ done: lost.slice(from, from + MAX_LOST) })
  }

  #came(records: readonly LogRecord[]): void {
    const { ledger } = this.#journal
    for (const record of records) {
      this.#puts.learn(record)
      const kept = readEntry(record)
      if (ledger.settled.has(kept.position)) continue
      const { deliveries, dueAtMs } = ledger.mark(kept.position)
      this.#shelf.put(kept, deliveries > 0 ? dueAtMs : kept.dueAtMs)
    }
    this.#serveSoon()
  }

  #happened(event: JournalEvent): void {
    if ('done' in event) for (const position of event.done) this.#shelf.remove(position)
  }

  // Records that nobody needs any more; where the servers do not delete any they stay.
  async #trim(journalFrom: number): Promise<void> {
    const { topics, link, log, name } = this.#options
    if (!this.#mayTrim || !this.#journal.isOwner) return
    const [first] = this.#shelf.after(0, 1)
    const waitingFrom = Math.min(first?.position ?? Infinity, this.#puts.oldestKnown, this.#waiting.next + 1) - 1
    try {
      for (const [topic, offset] of [[topics.journal, journalFrom], [topics.waiting, waitingFrom], [topics.dead, this.#dead.firstOffset]] as const) if (offset > 0) await link.trim(topic, offset)
    } catch (error) {
      if (typeOf(error) !== 'UNSUPPORTED_VERSION') return log.debug({ queue: name, error }, 'store: records that are settled could not be deleted; it is tried again later')
      this.#mayTrim = false
      log.warn({ queue: name }, 'store: the servers cannot delete records (DeleteRecords): topics of this queue grow until they are deleted by hand')
    }
  }
}
