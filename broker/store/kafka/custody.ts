// Keeps a queue this broker's: takes it when it is free, shows that it is still served, and takes it again after Kafka could not be
// reached. One broker at a time serves a queue; another one that finds it silent for long enough takes it over.

import { setTimeout as wait } from 'node:timers/promises'
import { BrokerError } from '../../ground/errors.ts'
import type { Journal } from './journal.ts'
import { unavailable, type KafkaLink } from './kafka-link.ts'
import type { PartitionLog } from './partition-log.ts'

export interface CustodyOptions {
  readonly queue: string
  readonly broker: string
  readonly link: KafkaLink
  readonly journal: Journal
  readonly journalTopic: string
  readonly waiting: PartitionLog
  readonly dead: PartitionLog
  /** A queue of another broker that shows nothing for so long is free. ms */
  readonly silenceMs: number
  /** undefined: it is this broker's (again). */
  readonly onChange: (problem: BrokerError | undefined) => void
}

/** How often the queue is shown to be served, as a share of the silence after which it is free: three times in it. */
const BEAT_SHARE = 0.3
const LOOK_MS = 500
/** Between two tries to reach Kafka again: from, to, and their random share. ms */
const [FIRST_MS, LAST_MS, JITTER_MS] = [200, 5000, 200]

export class Custody {
  readonly #options: CustodyOptions
  #problem: BrokerError | undefined
  #isClosed = false
  #beat: NodeJS.Timeout | undefined
  readonly #ending = new AbortController()

  constructor(options: CustodyOptions) {
    this.#options = options
  }

  /** Why the queue cannot be used at the moment. */
  get problem(): BrokerError | undefined {
    return this.#problem
  }

  /** @throws BrokerError `store.unavailable`, `store.in_use` */
  async take(): Promise<void> {
    const { link, journal, journalTopic, waiting, dead, queue, broker } = this.#options
    await link.connect()
    await journal.readOn()
    const { owner } = journal.ledger
    if (owner !== undefined && owner.broker !== broker) await this.#silence()
    const producer = await link.newProducer(journalTopic)
    journal.resume(producer)
    if (!journal.isOwner) await journal.claim()
    if (!journal.isOwner) throw new BrokerError('store.in_use', { path: `queue ${queue}`, problem: `broker ${journal.ledger.owner?.broker ?? 'of another name'} was faster; one broker at a time serves a queue in Kafka` })
    await Promise.all([waiting.readOn(), dead.passOver()])
    waiting.resume(producer)
    dead.resume(producer)
    this.#lookLater()
  }

  /** Something could not be written or read: nothing is taken until the queue is this broker's again. */
  lost(problem: BrokerError): void {
    if (this.#problem !== undefined || this.#isClosed) return
    this.#problem = problem
    this.#stop(problem)
    this.#options.onChange(problem)
    void this.#retake()
  }

  /** Free for anybody. What is queued has been written before. */
  async release(): Promise<void> {
    const { journal } = this.#options
    this.#isClosed = true
    this.#ending.abort()
    clearTimeout(this.#beat)
    if (this.#problem === undefined) {
      journal.summarize()
      await journal.write({ free: true }).catch(() => {})
    }
    this.#stop(unavailable('the queue is closed'))
  }

  #stop(problem: BrokerError): void {
    const { journal, waiting, dead } = this.#options
    clearTimeout(this.#beat)
    journal.stop(problem)
    waiting.stop(problem)
    dead.stop(problem)
  }

  async #retake(): Promise<void> {
    for (let pauseMs = FIRST_MS; !this.#isClosed; pauseMs = Math.min(LAST_MS, 2 * pauseMs)) {
      await wait(pauseMs + Math.random() * JITTER_MS, undefined, { signal: this.#ending.signal }).catch(() => {})
      if (this.#isClosed) return
      try {
        await this.take()
      } catch (error) {
        // Whatever could be written meanwhile is refused again.
        this.#stop(BrokerError.from(error))
        continue
      }
      if (this.#isClosed) return this.#stop(unavailable('the queue is closed'))
      this.#problem = undefined
      return this.#options.onChange(undefined)
    }
  }

  async #silence(): Promise<void> {
    const { journal, queue, silenceMs } = this.#options
    const { next } = journal
    const { owner } = journal.ledger
    for (let waitedMs = 0; waitedMs < silenceMs && journal.ledger.owner === owner; waitedMs += LOOK_MS) {
      await wait(LOOK_MS, undefined, { signal: this.#ending.signal }).catch(() => {})
      await journal.readOn()
      if (journal.next !== next && journal.ledger.owner !== undefined)
        throw new BrokerError('store.in_use', { path: `queue ${queue}`, problem: `broker ${journal.ledger.owner.broker} serves it; one broker at a time does in Kafka: end that one, or give this one another store.kafka.prefix` })
    }
  }

  #lookLater(): void {
    this.#beat = setTimeout(() => void this.#look(), this.#options.silenceMs * BEAT_SHARE)
  }

  async #look(): Promise<void> {
    const { journal, waiting } = this.#options
    try {
      await journal.write({ beat: true })
      // What another broker wrote before it knew that the queue was taken, and what was on its way when the connection broke.
      await waiting.readOn()
      if (this.#problem === undefined && !this.#isClosed) this.#lookLater()
    } catch (error) {
      this.lost(BrokerError.from(error))
    }
  }
}
