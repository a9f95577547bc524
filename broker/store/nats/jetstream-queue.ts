// One queue in JetStream, as far as JetStream does it itself: two streams and a durable consumer that all brokers share.

import { setTimeout } from 'node:timers/promises'
import type { JetStreamManager, MsgRequest, PubAck, StoredMsg } from '@nats-io/jetstream'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { BrokerError } from '../../ground/errors.ts'
import type { QueueSettings } from '../../ground/store-settings.ts'
import type { Arrival, DeadEntry, Entry, ForeignListener, ForeignQueue, ForeignState, Kept, PutOutcome } from '../brokered/foreign-queue.ts'
import { asked, type Asker } from './asker.ts'
import { deadHeaders, entryHeaders, readDead, readEntry } from './entry-headers.ts'
import { CONSUMER, deadStream, deadSubject, NOTES_STREAM, noteSubject, waitingStream, waitingSubject } from './names.ts'
import { Pulls } from './pulls.ts'
import { ackWaitMs, deadConfig, makeConsumer, makeStream, orNothing, waitingConfig } from './stream-settings.ts'

export interface JetStreamQueueOptions {
  readonly name: string
  /** Whose notes are its own. */
  readonly broker: string
  readonly settings: QueueSettings
  readonly replicas: number
  readonly connection: NatsConnection
  readonly manager: JetStreamManager
  readonly asker: Asker
  readonly listener: ForeignListener
}

const NANOS_PER_MS = 1_000_000
/** Signs of life within one ack wait of the consumer. */
const SIGNS = 3
/** How often stream and consumer are asked until they say the same, and how long is waited in between, longer each time. ms */
const AGREE_TRIES = 5
const AGREE_MS = 2
/** JetStream API: the subject has a message already. */
const WRONG_LAST_SEQUENCE = 10_071
const IS_FULL = /maximum (messages|bytes)/

/** What JetStream answers to a publish. */
type Confirmation = Partial<PubAck> & { readonly error?: { readonly err_code?: number; readonly description?: string } }

export class JetStreamQueue implements ForeignQueue {
  readonly #options: JetStreamQueueOptions
  readonly #pulls: Pulls
  /** Subjects by which what has arrived is settled. */
  readonly #replies = new Map<number, string>()
  #arrivals: Arrival[] = []
  #settings: QueueSettings
  #isAway = false

  private constructor(options: JetStreamQueueOptions) {
    this.#options = options
    this.#settings = options.settings
    this.#pulls = new Pulls(options.connection, `$JS.API.CONSUMER.MSG.NEXT.${waitingStream(options.name)}.${CONSUMER}`, (message) => this.#came(message))
  }

  static async open(options: JetStreamQueueOptions): Promise<JetStreamQueue> {
    const queue = new JetStreamQueue(options)
    await queue.change(options.settings)
    return queue
  }

  /** The connection is there again. */
  rejoined(): void {
    this.#isAway = false
    this.#pulls.renew()
    this.#options.listener.stateChanged(undefined)
  }

  lost(problem: BrokerError): void {
    this.#isAway = true
    this.#options.listener.stateChanged(problem)
  }

  put(entry: Entry, dedupe: string | undefined, done: (outcome: PutOutcome) => void): void {
    const { asker, name } = this.#options
    asker.ask(waitingSubject(name), entry.frame, entryHeaders(entry, dedupe), (answer) => {
      if (answer instanceof BrokerError) return done(answer)
      const { seq, duplicate = false, error } = confirmation(answer)
      // What was refused has a number, too: 0.
      if (error === undefined && seq !== undefined) done({ position: seq, isDuplicate: duplicate })
      else if (IS_FULL.test(error?.description ?? '')) done('full')
      else done(failed(error?.description ?? 'an answer that is none'))
    })
  }

  want(count: number): void {
    this.#pulls.want(count)
  }

  async finish(positions: readonly number[]): Promise<void> {
    await Promise.all(positions.map((position) => this.#settle(this.#replies.get(position), '+ACK')))
    for (const position of positions) this.#replies.delete(position)
  }

  async giveBack(position: number, delayMs: number): Promise<void> {
    const reply = this.#replies.get(position)
    // Before it is asked: it may be here again before the answer is.
    this.#replies.delete(position)
    await this.#settle(reply, delayMs === 0 ? '-NAK' : `-NAK {"delay":${Math.round(delayMs * NANOS_PER_MS)}}`)
  }

  extend(positions: readonly number[]): void {
    const { connection } = this.#options
    // The library would keep it, and say it when it is no longer true.
    if (this.#isAway || connection.isClosed()) return
    for (const position of positions) {
      const reply = this.#replies.get(position)
      if (reply !== undefined) connection.publish(reply, '+WPI')
    }
  }

  get extendEveryMs(): number {
    return this.handoverMs / SIGNS
  }

  get handoverMs(): number {
    return ackWaitMs(this.#settings)
  }

  async remove(position: number): Promise<boolean> {
    const { manager, name } = this.#options
    return (await asked(manager.streams.deleteMessage(waitingStream(name), position, false).catch(orNothing))) ?? false
  }

  // JetStream reads a message at a time; a work queue's stream has no room for a second consumer.
  async read(after: number, limit: number): Promise<Kept[]> {
    const { manager, name } = this.#options
    const kept: Kept[] = []
    for (let next = after + 1; kept.length < limit; next = kept.at(-1)!.position + 1) {
      // The library's types do not know that servers from 2.9 on find the next one here, too.
      const query = { seq: next, next_by_subj: waitingSubject(name) } as MsgRequest
      const found = await asked(manager.streams.getMessage(waitingStream(name), query).catch(orNothing))
      if (found === undefined || found === null) break
      kept.push(readEntry(found.header, found.data, found.seq, Date.parse(found.timestamp)))
    }
    return kept
  }

  async bury(entry: DeadEntry): Promise<void> {
    const { asker, name } = this.#options
    const answer = await new Promise<Msg | BrokerError>((resolve) => asker.ask(deadSubject(name, entry.position), entry.frame, deadHeaders(entry), resolve))
    if (answer instanceof BrokerError) throw answer
    const { seq, error } = confirmation(answer)
    if ((error !== undefined || seq === undefined) && error?.err_code !== WRONG_LAST_SEQUENCE) throw failed(error?.description ?? 'an answer that is none')
  }

  async readDead(after: number, limit: number): Promise<DeadEntry[]> {
    const { manager, name } = this.#options
    const { state } = await asked(manager.streams.info(deadStream(name), { subjects_filter: deadSubject(name, '*') }))
    const subjects = Object.keys((state as { subjects?: Record<string, number> }).subjects ?? {})
    const positions = subjects.map((subject) => Number(subject.slice(subject.lastIndexOf('.') + 1))).filter((position) => position > after)
    const page = positions.toSorted((a, b) => a - b).slice(0, limit)
    const found = await Promise.all(page.map((position) => this.#last(deadStream(name), deadSubject(name, position))))
    return found.map((each) => each && readDead(each.header, each.data)).filter((each) => each !== undefined)
  }

  async removeDead(which: 'all' | readonly number[]): Promise<number> {
    const { manager, name } = this.#options
    if (which === 'all') return (await asked(manager.streams.purge(deadStream(name)))).purged
    const purged = await asked(Promise.all(which.map((position) => manager.streams.purge(deadStream(name), { filter: deadSubject(name, position) }))))
    return purged.reduce((sum, each) => sum + each.purged, 0)
  }

  async state(): Promise<ForeignState> {
    const { manager, name } = this.#options
    for (let tries = 1; ; tries++) {
      const [{ state }, consumer, dead] = await asked(Promise.all([manager.streams.info(waitingStream(name)), manager.consumers.info(waitingStream(name), CONSUMER), manager.streams.info(deadStream(name))]))
      const messages = consumer.num_pending + consumer.num_ack_pending
      // The consumer learns of a publish, and the stream of an acknowledgement, a moment after it was confirmed. In traffic they never agree.
      if (state.messages !== messages && tries < AGREE_TRIES) {
        await setTimeout(tries * AGREE_MS)
        continue
      }
      if (state.messages > messages) await this.#purgeDone(consumer.ack_floor.stream_seq)
      return {
        messages: Math.min(messages, state.messages),
        bytes: state.bytes,
        handedOut: consumer.num_ack_pending,
        lastPosition: state.last_seq,
        puts: state.last_seq,
        oldestAtMs: state.messages === 0 ? 0 : Date.parse(state.first_ts),
        dead: dead.state.messages,
        deadBytes: dead.state.bytes,
        buried: dead.state.last_seq,
      }
    }
  }

  // When the stream's leader is killed, nats-server 2.9 can keep messages that were acknowledged: nobody gets them any more, and they
  // count for the limits (seen with three copies: 1929 of 11,270). Up to its floor the consumer has an acknowledgement of every one.
  async #purgeDone(floor: number): Promise<void> {
    const { manager, name } = this.#options
    await asked(manager.streams.purge(waitingStream(name), { seq: floor + 1 }))
  }

  async notes(): Promise<{ own: string | undefined; others: string[] }> {
    const { manager, name, broker } = this.#options
    const all = noteSubject(name, '*')
    const { state } = await asked(manager.streams.info(NOTES_STREAM, { subjects_filter: all }))
    const own = noteSubject(name, broker)
    const subjects = Object.keys((state as { subjects?: Record<string, number> }).subjects ?? {})
    const texts = await Promise.all(subjects.map(async (subject) => ({ subject, text: (await this.#last(NOTES_STREAM, subject))?.string() })))
    return { own: texts.find(({ subject }) => subject === own)?.text, others: texts.flatMap(({ subject, text }) => (subject === own || text === undefined ? [] : [text])) }
  }

  async note(text: string): Promise<void> {
    const { asker, name, broker } = this.#options
    const answer = await new Promise<Msg | BrokerError>((resolve) => asker.ask(noteSubject(name, broker), text, undefined, resolve))
    if (answer instanceof BrokerError) throw answer
  }

  async change(settings: QueueSettings): Promise<void> {
    const { manager, name, replicas } = this.#options
    this.#settings = settings
    await asked((async () => {
      await makeStream(manager, waitingConfig(name, settings, replicas))
      await makeStream(manager, deadConfig(name, settings, replicas))
      await makeConsumer(manager, name, settings)
    })())
  }

  async stop(): Promise<void> {
    await this.#pulls.stop()
    this.#hand()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #came(message: Msg): void {
    const delivery = deliveryOf(message.reply!)
    this.#replies.set(delivery.position, message.reply!)
    if (this.#arrivals.length === 0) queueMicrotask(() => this.#hand())
    this.#arrivals.push({ ...readEntry(message.headers, message.data, delivery.position, delivery.storedAtMs), deliveries: delivery.count })
  }

  #hand(): void {
    const arrivals = this.#arrivals
    this.#arrivals = []
    if (arrivals.length > 0) this.#options.listener.arrived(arrivals)
  }

  #settle(reply: string | undefined, verdict: string): Promise<void> {
    if (reply === undefined) return Promise.resolve()
    return new Promise((resolve, reject) => this.#options.asker.ask(reply, verdict, undefined, (answer) => (answer instanceof BrokerError ? reject(answer) : resolve())))
  }

  async #last(stream: string, subject: string): Promise<StoredMsg | undefined> {
    return (await asked(this.#options.manager.streams.getMessage(stream, { last_by_subj: subject }).catch(orNothing))) ?? undefined
  }
}

function confirmation(answer: Msg): Confirmation {
  try {
    return answer.json<Confirmation>()
  } catch {
    return {}
  }
}

function failed(problem: string): BrokerError {
  return new BrokerError('store.failed', { backend: 'nats', problem })
}

/**
 * What a delivery's reply subject says: `$JS.ACK.<stream>.<consumer>.<count>.<stream sequence>.<consumer sequence>.<nanoseconds>.<pending>`;
 * newer servers have domain and account before the stream, and may add tokens behind.
 */
function deliveryOf(reply: string): { count: number; position: number; storedAtMs: number } {
  const tokens = reply.split('.')
  const at = tokens.length > 9 ? 6 : 4
  // The last six digits are dropped as text: a double cannot hold all of them.
  return { count: Number(tokens[at]), position: Number(tokens[at + 1]), storedAtMs: Number(tokens[at + 3]!.slice(0, -6)) }
}
