// Programs that use two queues through everything that happens to their broker: producers of `jobs`, workers that ack, nak, term and
// forward to `done`, and workers of `done`. What they do and are told goes into the histories of both.

import { setTimeout as delay } from 'node:timers/promises'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { Client, QueuedMessage } from '../../client/index.ts'
import type { QueuedInfo } from '../../broker/ground/queue-api.ts'
import { expectForwards, QueueHistory, type Delivered, type Part, type Verdict } from './queue-history.ts'
import type { Random } from './seeded-random.ts'
import { until } from './until.ts'

const MAX_ATTEMPTS = 5

/** The configuration of a broker for this load. */
export const queueLoadConfig = {
  queue: { config: { ackWait: '3s', retryPolicy: { maxAttempts: MAX_ATTEMPTS, initialDelay: '5ms', maxDelay: '20ms' }, deadLetter: { maxAge: 0 } } },
  deduplication: { enabled: true, storage: 'persistent', window: '1h' },
  channels: [
    { name: 'jobs', mode: 'queue', ordering: { enabled: true, guarantee: 'per_session', timeout: '5m' } },
    { name: 'done', mode: 'queue' },
  ],
}

/** The same where nobody is killed: workers that stand still for some seconds keep what they have. */
export const patientQueueLoadConfig = { ...queueLoadConfig, queue: { config: { ...queueLoadConfig.queue.config, ackWait: '10m' } } }

/** What a worker does with a message; the same each time that it comes, so that what it forwards can be in one place only. */
type Habit = 'ack' | 'slow' | 'nak first' | 'poison' | 'term' | 'forward'
/** One in three is forwarded: that is the step that may never happen by half. */
const habits: readonly Habit[] = ['ack', 'ack', 'ack', 'ack', 'slow', 'nak first', 'nak first', 'poison', 'term', 'forward', 'forward', 'forward', 'forward']
/** Messages that one producer has under way. */
const OUTSTANDING = 16
const SESSIONS = 100
const LARGEST = 8192
/** Errors that say without doubt that the message is not stored. */
const refusals: readonly string[] = ['queue.full', 'store.no_space', 'store.failed']

export class QueueLoad {
  readonly jobs = new QueueHistory(MAX_ATTEMPTS)
  readonly done = new QueueHistory(MAX_ATTEMPTS)
  /** Codes of what publishers and clients were told beside receipts, and how often. */
  readonly errors = new Map<string, number>()
  readonly #random: Random
  readonly #waiting: { readonly receipts: number; readonly resolve: () => void }[] = []
  readonly #work: Promise<void>[] = []
  #isProducing = true

  constructor(random: Random) {
    this.#random = random
  }

  /** Begins: each client is a producer and a worker of both queues. */
  start(clients: readonly Client[]): void {
    clients.forEach((client, i) => {
      client.on('error', ({ code }) => this.#count(`event ${code}`))
      client.consume('jobs', { manual: true, concurrency: 32, maxInFlight: 64, onMessage: message => this.#handle(this.jobs, message) })
      client.consume('done', { manual: true, concurrency: 32, onMessage: message => this.#handle(this.done, message) })
      for (let slot = 0; slot < OUTSTANDING; slot++) this.#work.push(this.#produce(client, `p${i}-${slot}`))
    })
  }

  /** Resolves when that many more receipts have come. */
  receipts(more: number): Promise<void> {
    return new Promise(resolve => this.#waiting.push({ receipts: this.jobs.receipts + more, resolve }))
  }

  /** No more messages; resolves when each that was begun has its receipt, and both queues are empty. Then what is dead goes into the histories. */
  async drain(reader: Client): Promise<void> {
    this.#isProducing = false
    await Promise.all(this.#work)
    for (const name of ['jobs', 'done']) await until(async () => (await waiting(reader, name)) === 0)
    await this.look(reader)
  }

  /** Notes what is left in both queues. */
  async look(reader: Client): Promise<void> {
    for (const [name, history] of [['jobs', this.jobs], ['done', this.done]] as const) {
      for (const which of ['waiting', 'dead'] as const) for (const { position, headers } of await contents(reader, name, which)) history.left(which, position, String(headers?.['id']))
    }
    expectForwards(this.jobs, this.done, copyOf)
  }

  async #produce(client: Client, name: string): Promise<void> {
    let n = 0
    while (this.#isProducing) {
      n++
      const id = `${name}-${n}`
      if (!(await this.#publish(client, id))) return
      // The window holds over crashes: a repeat is told the place of the first.
      if (this.#random.next() < 0.1) await this.#publish(client, id)
    }
  }

  // Until its receipt comes, false when its client is closed for good: what became of a try that was cut off nobody knows, and the id makes one message of all of them.
  async #publish(client: Client, id: string): Promise<boolean> {
    const isDelayed = this.#random.next() < 0.1
    const session = isDelayed || this.jobs.published.get(id)?.session === undefined && this.jobs.published.has(id) ? undefined : (this.jobs.published.get(id)?.session ?? `s${this.#random.between(1, SESSIONS)}`)
    for (;;) {
      this.jobs.publishing(id, session)
      try {
        // Those that keep nobody's order have an order of their own.
        const receipt = await client.publish('jobs.new', payloadOf(id), { mid: id, headers: { id }, receipt: true, idempotent: this.#random.next() < 0.5, session: session ?? id, ...(isDelayed ? { delayMs: this.#random.between(1, 50) } : {}) })
        this.jobs.stored(id, receipt.stored!.position)
        this.#wake()
        return true
      } catch (error) {
        const { code } = BrokerError.from(error)
        this.#count(code)
        if (refusals.includes(code)) this.jobs.refused(id)
        // It comes back by itself; a client that is closed for good does not. Whoever went on would keep a story that failed from ending.
        if (code === 'client.closed') return false
        await delay(5)
      }
    }
  }

  async #handle(history: QueueHistory, message: QueuedMessage): Promise<void> {
    const id = String(message.headers?.['id'])
    const delivered = history.delivered(message.position, message.attempt, id, Buffer.compare(message.payload, payloadOf(id)) === 0)
    const habit = history === this.done ? 'ack' : habits[numberOf(id) % habits.length]!
    if (habit === 'slow') await delay(this.#random.between(1, 10))
    if (habit === 'forward') return this.#forward(delivered, message)
    const verdict: Verdict = habit === 'poison' || (habit === 'nak first' && message.attempt === 1) ? 'nak' : habit === 'term' ? 'term' : 'ack'
    await this.#settle(history, delivered, verdict, () => (verdict === 'nak' ? message.nak({ reason: habit }) : verdict === 'term' ? message.term(habit) : message.ack()))
  }

  async #forward(delivered: Delivered, message: QueuedMessage): Promise<void> {
    const id = copyOf(delivered.id)
    this.done.publishing(id)
    // Without an id for deduplication: the step itself keeps it from being there twice.
    await this.#settle(this.jobs, delivered, 'forward', () => message.forward('done.new', payloadOf(id), { headers: { id } }))
    if (delivered.answer === 'confirmed') this.done.stored(id)
  }

  async #settle(history: QueueHistory, delivered: Delivered, verdict: Verdict, say: () => Promise<void>): Promise<void> {
    history.settling(delivered, verdict)
    try {
      await say()
      history.settled(delivered, 'confirmed')
    } catch (error) {
      if (BrokerError.from(error).code === 'queue.lease_lost') history.settled(delivered, 'lost')
    }
  }

  #count(code: string): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
  }

  #wake(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      if (this.#waiting[i]!.receipts > this.jobs.receipts) continue
      this.#waiting[i]!.resolve()
      this.#waiting.splice(i, 1)
    }
  }
}

const copyOf = (id: string): string => `${id}-done`

/** Every message has bytes of its own, a few of them many. */
function payloadOf(id: string): Uint8Array {
  const number = numberOf(id)
  const size = number % 40 === 0 ? LARGEST : 20 + (number % 300)
  return Buffer.alloc(size, `${id} `)
}

function numberOf(id: string): number {
  let sum = 7
  for (let i = 0; i < id.length; i++) sum = (Math.imul(sum, 31) + id.charCodeAt(i)) >>> 0
  return sum
}

async function waiting(client: Client, name: string): Promise<number> {
  const { counts } = await client.call('queue.show', { name })
  return counts === undefined ? Infinity : counts.ready + counts.delayed + counts.held + counts.inFlight
}

/** All messages of a part of a queue. */
async function contents(client: Client, name: string, which: Part): Promise<QueuedInfo[]> {
  const all: QueuedInfo[] = []
  for (let after = 0; ; ) {
    const { messages, next } = await client.call('queue.inspect', { name, which, after, limit: 1000 })
    all.push(...messages)
    if (next === 0) return all
    after = next
  }
}
