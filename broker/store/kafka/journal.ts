// The journal of a queue as a topic: writes facts, reads those of others, and keeps the topic short by writing down all that is known now
// and then. A fact is confirmed when it stands there and this broker owned the queue at that place.

import { BrokerError } from '../../ground/errors.ts'
import { Ledger, type Fact, type JournalEvent } from './ledger.ts'
import { unavailable, type KafkaLink, type Producer } from './kafka-link.ts'
import { PartitionLog, type LogRecord, type NewRecord } from './partition-log.ts'

export interface JournalOptions {
  readonly link: KafkaLink
  readonly topic: string
  /** This opening of the queue, as no other one is called. */
  readonly by: string
  /** Id of this broker. */
  readonly broker: string
  readonly patienceMs: number
  /** Something holds now. */
  readonly onEvent: (event: JournalEvent) => void
  /** All that was known is written down from that offset on: what stands before is not needed. */
  readonly onSummary: (offset: number) => void
  readonly onLost: (error: BrokerError) => void
}

/** So many bytes of events, and all that is known is written down. */
const SUMMARY_BYTES = 1024 * 1024
/** A record beside its value, about. */
const RECORD_BYTES = 70

export class Journal {
  readonly ledger = new Ledger()
  readonly #options: JournalOptions
  readonly #log: PartitionLog
  /** Own events that were passed over: by offset, until whoever wrote them is told. */
  readonly #passed = new Set<number>()
  #bytes = 0
  #isSummaryDue = false
  #summaryAt = 0

  constructor(options: JournalOptions) {
    const { link, topic, patienceMs, onLost } = options
    this.#options = options
    this.#log = new PartitionLog({ link, topic, patienceMs, onLost, digest: (records) => this.#digest(records), preface: () => this.#summary() })
  }

  /** Changes with everything that is written, by whomever. */
  get next(): number {
    return this.#log.next
  }

  get isOwner(): boolean {
    return this.ledger.owner?.by === this.#options.by
  }

  readOn(): Promise<void> {
    return this.#log.readOn()
  }

  resume(producer: Producer): void {
    this.#log.resume(producer)
  }

  stop(error: BrokerError): void {
    this.#log.stop(error)
  }

  /** The queue is this broker's, unless somebody has written since it was read. */
  claim(): Promise<void> {
    return this.#append({ claim: this.#options.broker, at: this.#log.next })
  }

  /** Resolves when it holds. Rejected, nobody knows; or somebody else owns the queue. */
  write(fact: Fact): Promise<void> {
    return this.isOwner ? this.#append(fact) : Promise.reject(this.#taken())
  }

  /** All that is known is written down before the next fact. */
  summarize(): void {
    this.#isSummaryDue = true
  }

  #append(fact: Fact): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#log.append(this.#record(fact), (outcome) => {
      if (outcome instanceof BrokerError) reject(outcome)
      else if (!this.#passed.delete(outcome)) resolve()
      else {
        const taken = this.#taken()
        reject(taken)
        this.#options.onLost(taken)
      }
    })
    return promise
  }

  #record(fact: Fact): NewRecord {
    return { value: Buffer.from(JSON.stringify({ by: this.#options.by, ...fact })), headers: {} }
  }

  #taken(): BrokerError {
    return unavailable(`broker ${this.ledger.owner?.broker ?? 'nobody'} owns the queue now`)
  }

  #digest(records: readonly LogRecord[]): void {
    for (const { offset, value } of records) {
      this.#bytes += value.length + RECORD_BYTES
      const event = eventOf(value)
      if (event === undefined) continue
      if (!this.ledger.take(event, offset)) {
        if (event.by === this.#options.by) this.#passed.add(offset)
        continue
      }
      if ('part' in event) {
        if (event.part === 0) this.#summaryAt = offset
        if (event.part === event.of - 1) {
          this.#bytes = 0
          this.#options.onSummary(this.#summaryAt)
        }
      }
      this.#options.onEvent(event)
    }
  }

  // Asked when nothing is on its way: what is known is all that stands in the journal.
  #summary(): NewRecord[] {
    if (!this.isOwner || (!this.#isSummaryDue && this.#bytes < SUMMARY_BYTES)) return []
    this.#isSummaryDue = false
    this.#bytes = 0
    return this.ledger.parts().map((fact) => this.#record(fact))
  }
}

// What is no event of this version is none.
function eventOf(value: Uint8Array): JournalEvent | undefined {
  try {
    const event = JSON.parse(Buffer.from(value).toString()) as unknown
    return typeof event === 'object' && event !== null ? (event as JournalEvent) : undefined
  } catch {
    return undefined
  }
}
