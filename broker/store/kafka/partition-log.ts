// One topic of one partition as a log: appends in batches, one on its way at a time, and digests whatever stands in it exactly once and in
// order, also what others have written. A batch that is not confirmed is sent again with the same numbers, by which the servers know repeats.
//
//   append ─▶ queued ─▶ batch ─▶ offsets ─┬─ as expected ─▶ digest ─▶ done
//                                         └─ later ones ─▶ read what stands between ─▶ digest that first

import { setTimeout } from 'node:timers/promises'
import { BrokerError } from '../../ground/errors.ts'
import type { FetchedRecord } from './kafkajs-cluster.ts'
import { typeOf, unavailable, type KafkaLink, type Producer } from './kafka-link.ts'

export interface LogRecord {
  readonly offset: number
  /** Milliseconds since the epoch */
  readonly timestampMs: number
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** What is appended. */
export type NewRecord = Pick<LogRecord, 'value' | 'headers'>

export interface PartitionLogOptions {
  readonly link: KafkaLink
  readonly topic: string
  /** Called with all records in order, each once. */
  readonly digest: (records: readonly LogRecord[]) => void
  /** What must stand before anything else that is appended; asked before each batch. Empty: nothing. */
  readonly preface?: () => readonly NewRecord[]
  /** Nothing can be appended any more until `resume`: whatever was on its way may stand in the log or not. */
  readonly onLost: (error: BrokerError) => void
  /** How long a batch is tried again. ms */
  readonly patienceMs: number
}

interface Queued {
  readonly record: NewRecord
  readonly done: (outcome: number | BrokerError) => void
}

/** Together below 1 MiB, which is what a server takes in one batch as a rule. */
const BATCH_BYTES = 700 * 1024
const BATCH_RECORDS = 2000
const READ_BYTES = 4 * 1024 * 1024
/** Headers, lengths and timestamps of one record, about. */
const RECORD_BYTES = 100
/** Between two tries. ms */
const AGAIN_MS = 100
const MAX_SEQUENCE = 2 ** 31
const TOO_LARGE = /^(MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE)$/
/** The numbers of this producer are of no use any more, or will not be: there is no sense in trying again. */
const HOPELESS = /^(OUT_OF_ORDER_SEQUENCE_NUMBER|DUPLICATE_SEQUENCE_NUMBER|UNKNOWN_PRODUCER_ID|INVALID_PRODUCER_EPOCH|INVALID_RECORD|.*AUTHORIZATION_FAILED)$/

export class PartitionLog {
  readonly #options: PartitionLogOptions
  #queued: Queued[] = []
  #producer: Producer | undefined
  #sequence = 0
  #next = 0
  #first = 0
  #lost: BrokerError | undefined
  #isSending = false
  /** One thing at a time: what is read must not be what is being written. */
  #lane: Promise<unknown> = Promise.resolve()

  constructor(options: PartitionLogOptions) {
    this.#options = options
    this.#lost = unavailable(`topic ${options.topic} is not open yet`)
  }

  /** Offset of the first record that has not been digested. */
  get next(): number {
    return this.#next
  }

  /** Offset of the first record that was kept when it was last read on. */
  get first(): number {
    return this.#first
  }

  /** `done` is called later, in the order of the calls, after the record was digested; with an error nobody knows whether it stands in the log. */
  append(record: NewRecord, done: (outcome: number | BrokerError) => void): void {
    if (this.#lost !== undefined) return queueMicrotask(done.bind(undefined, this.#lost))
    this.#queued.push({ record, done })
    if (!this.#isSending) void this.#send()
  }

  /** Reads on where it stopped, or where the log begins now, to its end. */
  readOn(): Promise<void> {
    return this.#inLane(async () => {
      const { link, topic } = this.#options
      const [first, end] = await Promise.all([link.first(topic), link.end(topic)])
      if (end < this.#next) throw new BrokerError('store.failed', { backend: 'kafka', problem: `topic ${topic} ends at ${end}, and was read to ${this.#next}: it was made anew, or has lost records` })
      this.#first = first
      this.#next = Math.max(this.#next, first)
      await this.#readTo(end)
    })
  }

  /** What stands in it now is not digested. */
  passOver(): Promise<void> {
    return this.#inLane(async () => {
      this.#next = await this.#options.link.end(this.#options.topic)
    })
  }

  /** Appends are taken (again), with the numbers of a new producer. */
  resume(producer: Producer): void {
    this.#producer = producer
    this.#sequence = 0
    this.#lost = undefined
  }

  /** Whatever is queued is refused, until `resume`. */
  stop(error: BrokerError): void {
    this.#lost = error
    const queued = this.#queued
    this.#queued = []
    for (const { done } of queued) done(error)
  }

  /** The record at that offset and those behind it that came along. Not digested. */
  async at(offset: number): Promise<LogRecord[]> {
    const { link, topic } = this.#options
    return (await link.fetch(topic, offset, READ_BYTES / 4)).records.map(logRecord)
  }

  #inLane<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lane.then(work, work)
    this.#lane = done.catch(() => {})
    return done
  }

  async #readTo(end: number): Promise<void> {
    const { link, topic, digest } = this.#options
    while (this.#next < end) {
      const { records } = await link.fetch(topic, this.#next, READ_BYTES)
      const wanted = records.filter((record) => Number(record.offset) < end)
      if (wanted.length === 0) throw unavailable(`topic ${topic} does not give its record ${this.#next}`)
      this.#next = Number(wanted.at(-1)!.offset) + 1
      digest(wanted.filter(({ isControlRecord, value }) => !isControlRecord && value !== null).map(logRecord))
    }
  }

  async #send(): Promise<void> {
    this.#isSending = true
    // What is appended in this turn goes together.
    await Promise.resolve()
    while (this.#queued.length > 0) await this.#inLane(() => this.#sendNext())
    this.#isSending = false
  }

  async #sendNext(): Promise<void> {
    const preface = this.#options.preface?.() ?? []
    const ignore = (): void => {}
    for (let rest: Queued[] = preface.map((record) => ({ record, done: ignore })); rest.length > 0; ) await this.#write(cut(rest, (left) => (rest = left)))
    if (this.#queued.length > 0) await this.#write(cut(this.#queued, (left) => (this.#queued = left)))
  }

  async #write(batch: readonly Queued[]): Promise<void> {
    const timestamp = Date.now()
    try {
      const base = await this.#produce(batch, timestamp)
      // Somebody else has written, or this broker before it was cut off.
      await this.#readTo(base)
      this.#next = base + batch.length
      this.#options.digest(batch.map(({ record: { value, headers } }, i) => ({ offset: base + i, timestampMs: timestamp, value, headers })))
      for (const [i, { done }] of batch.entries()) done(base + i)
    } catch (error) {
      const refusal = BrokerError.from(error)
      if (TOO_LARGE.test(typeOf(refusal) ?? '')) return this.#tooLarge(batch)
      for (const { done } of batch) done(refusal)
      if (this.#lost !== undefined) return
      this.stop(refusal)
      this.#options.onLost(refusal)
    }
  }

  // Nothing of it was written. One by one, until it is known which.
  async #tooLarge(batch: readonly Queued[]): Promise<void> {
    if (batch.length > 1) {
      for (const each of batch) await this.#write([each])
      return
    }
    const [{ record, done }] = batch as [Queued]
    done(new BrokerError('queue.bad_option', { problem: `its ${record.value.length} bytes are more than max.message.bytes of topic ${this.#options.topic} allows; raise it there, or split the payload` }))
  }

  async #produce(batch: readonly Queued[], timestamp: number): Promise<number> {
    const { link, topic, patienceMs } = this.#options
    const untilMs = performance.now() + patienceMs
    const messages = batch.map(({ record: { value, headers } }) => ({ key: null, value: bufferOf(value), headers, timestamp }))
    for (;;) {
      if (this.#lost !== undefined) throw this.#lost
      try {
        const base = await link.produce(topic, this.#producer!, this.#sequence, messages)
        this.#sequence = (this.#sequence + batch.length) % MAX_SEQUENCE
        return base
      } catch (error) {
        const type = typeOf(error) ?? ''
        if (TOO_LARGE.test(type) || HOPELESS.test(type) || performance.now() >= untilMs) throw error
        await setTimeout(AGAIN_MS)
      }
    }
  }
}

// As many as one batch takes, one at least.
function cut(queued: Queued[], left: (rest: Queued[]) => void): Queued[] {
  let [bytes, count] = [0, 0]
  for (const { record } of queued) {
    bytes += record.value.length + RECORD_BYTES
    if (count > 0 && (bytes > BATCH_BYTES || count >= BATCH_RECORDS)) break
    count++
  }
  left(queued.slice(count))
  return queued.slice(0, count)
}

// kafkajs writes what is no Buffer as text.
function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length)
}

function logRecord({ offset, timestamp, value, headers }: FetchedRecord): LogRecord {
  const texts = Object.entries(headers).map(([name, text]) => [name, String(Array.isArray(text) ? text[0] : text)])
  // Not the view: it would keep all that was read with it.
  return { offset: Number(offset), timestampMs: Number(timestamp), value: new Uint8Array(value!), headers: Object.fromEntries(texts) as Record<string, string> }
}
