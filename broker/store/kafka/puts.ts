// Puts into a queue: limits and known ids are looked at here, as this broker is the only one that puts; answers come in the order of the calls.

import { BrokerError } from '../../ground/errors.ts'
import type { QueueSettings } from '../../ground/store-settings.ts'
import type { Entry, PutOutcome } from '../brokered/foreign-queue.ts'
import { dedupeOf, entryHeaders } from './entry-headers.ts'
import type { LogRecord, PartitionLog } from './partition-log.ts'
import type { Shelf } from './shelf.ts'

interface Slot {
  readonly done: (outcome: PutOutcome) => void
  outcome: PutOutcome | undefined
  /** Repeats of it that came before its answer. */
  repeats: Slot[]
}

/** Repeats of replays are known for so long, where the queue asks for no deduplication. ms */
const DEFAULT_WINDOW_MS = 120_000

export class Puts {
  readonly #log: PartitionLog
  readonly #shelf: Shelf
  /** In the order of the calls; those before `#head` are answered. */
  #slots: Slot[] = []
  #head = 0
  #isFlushDue = false
  /** What is on its way. */
  #count = 0
  #bytes = 0
  readonly #underWay = new Map<string, Slot>()
  /** The first one is the oldest. */
  readonly #known = new Map<string, { readonly position: number; readonly untilMs: number }>()
  settings: QueueSettings

  constructor(log: PartitionLog, shelf: Shelf, settings: QueueSettings) {
    this.#log = log
    this.#shelf = shelf
    this.settings = settings
  }

  put(entry: Entry, dedupe: string | undefined, done: (outcome: PutOutcome) => void): void {
    const slot: Slot = { done, outcome: undefined, repeats: [] }
    this.#slots.push(slot)
    const underWay = dedupe === undefined ? undefined : this.#underWay.get(dedupe)
    if (underWay !== undefined) return void underWay.repeats.push(slot)
    const known = dedupe === undefined ? undefined : this.#known.get(dedupe)
    if (known !== undefined && known.untilMs > Date.now()) this.#answer(slot, { position: known.position, isDuplicate: true })
    else if (this.#isFull(entry.frame.length)) this.#answer(slot, 'full')
    else this.#append(entry, dedupe, slot)
  }

  /** A record of the topic: its id is known from now on. */
  learn(record: LogRecord): void {
    const id = dedupeOf(record)
    const untilMs = record.timestampMs + this.#windowMs
    if (id === undefined || untilMs <= Date.now()) return
    this.#known.delete(id)
    this.#known.set(id, { position: record.offset + 1, untilMs })
    this.#forget()
  }

  /** Of the oldest id that is still known; Infinity: none is. */
  get oldestKnown(): number {
    this.#forget()
    for (const { position } of this.#known.values()) return position
    return Infinity
  }

  get #windowMs(): number {
    const { enabled, windowMs } = this.settings.deduplication
    return enabled ? windowMs : DEFAULT_WINDOW_MS
  }

  #forget(): void {
    const now = Date.now()
    for (const [id, { untilMs }] of this.#known) {
      if (untilMs > now) return
      this.#known.delete(id)
    }
  }

  #isFull(bytes: number): boolean {
    const { maxMessages, maxBytes, whenFull } = this.settings
    if (whenFull === 'drop-oldest') return false
    return (maxMessages > 0 && this.#shelf.size + this.#count >= maxMessages) || (maxBytes > 0 && this.#shelf.bytes + this.#bytes + bytes > maxBytes)
  }

  #append(entry: Entry, dedupe: string | undefined, slot: Slot): void {
    const { length } = entry.frame
    this.#count++
    this.#bytes += length
    if (dedupe !== undefined) this.#underWay.set(dedupe, slot)
    this.#log.append({ value: entry.frame, headers: entryHeaders(entry, dedupe) }, (outcome) => {
      this.#count--
      this.#bytes -= length
      if (dedupe !== undefined) this.#underWay.delete(dedupe)
      this.#answer(slot, outcome instanceof BrokerError ? outcome : { position: outcome + 1, isDuplicate: false })
    })
  }

  #answer(slot: Slot, outcome: PutOutcome): void {
    slot.outcome = outcome
    const isKept = typeof outcome === 'object' && 'position' in outcome
    for (const repeat of slot.repeats) repeat.outcome = isKept ? { position: outcome.position, isDuplicate: true } : outcome
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    this.#isFlushDue = false
    for (let slot = this.#slots[this.#head]; slot?.outcome !== undefined; slot = this.#slots[this.#head]) {
      this.#head++
      slot.done(slot.outcome)
    }
    if (this.#head < 1024 && this.#head < this.#slots.length) return
    this.#slots = this.#slots.slice(this.#head)
    this.#head = 0
  }
}
