// Steady numbered messages on one subject, kept in a history: of a client of Callboard, which may ask what became of each, or of a
// plain client of NATS.

import { setTimeout as delay } from 'node:timers/promises'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import type { Client, DeliveryReceipt } from '../../client/index.ts'
import type { ClusterHistory, Numbered, Told } from './cluster-history.ts'

export interface SenderOptions {
  /** Pause between bursts. ms, default 2 */
  readonly everyMs?: number
  /** Messages in a burst. default 4 */
  readonly burst?: number
  /** false: it does not ask what became of its messages, as most senders do not. default true */
  readonly asks?: boolean
  /** How much larger its messages are than they need be. bytes, default 0 */
  readonly padBytes?: number
}

type Publish = (message: Numbered) => Promise<Told | undefined>

/** Time for everything a sender was promised, on a busy machine. ms */
const RECEIPT_MS = 60_000
/** A message that only finds out whether the way is there; it does not enter the history. */
export const PROBE = 0

/** What a receipt says of the way beyond the broker; undefined: there was none. */
function toldBy({ forwarded = 0, dropped }: DeliveryReceipt): Told | undefined {
  if (forwarded > 0) return 'forwarded'
  return (['link-down', 'link-unknown'] as const).find(reason => (dropped[reason] ?? 0) > 0)
}

/** Sends on one subject, from `start()` to `stop()`. */
export class Sender {
  readonly name: string
  readonly subject: string
  readonly #history: ClusterHistory
  readonly #publish: Publish
  readonly #options: SenderOptions
  readonly #open = new Set<Promise<void>>()
  readonly #failed: unknown[] = []
  /** When each message was sent: that of number n at n - 1. ms on the monotonic clock */
  readonly sentAtMs: number[] = []
  #running: Promise<void> = Promise.resolve()
  #isStopped = false

  private constructor(history: ClusterHistory, name: string, subject: string, publish: Publish, options: SenderOptions) {
    this.name = name
    this.subject = subject
    this.#history = history
    this.#publish = publish
    this.#options = options
  }

  /** A client of Callboard that sends. */
  static of(history: ClusterHistory, client: Client, name: string, subject: string, options: SenderOptions = {}): Sender {
    const pad = 'x'.repeat(options.padBytes ?? 0)
    const publish = async (message: Numbered): Promise<Told | undefined> => {
      const value = { ...message, pad }
      if (options.asks !== false && message.n !== PROBE) return toldBy(await client.publish(subject, value, { json: true, receipt: 'delivered', timeoutMs: RECEIPT_MS }))
      await client.publish(subject, value, { json: true })
      return undefined
    }
    return new Sender(history, name, subject, publish, options)
  }

  /** A plain NATS client that sends; it is told nothing. */
  static ofNats(history: ClusterHistory, client: NatsConnection, name: string, subject: string, options: SenderOptions = {}): Sender {
    const json = headers()
    json.set('Content-Type', 'application/json')
    const publish = async (message: Numbered): Promise<undefined> => {
      client.publish(subject, JSON.stringify(message), { headers: json })
    }
    return new Sender(history, name, subject, publish, options)
  }

  /** How many it has sent so far. */
  get sent(): number {
    return this.sentAtMs.length
  }

  start(): void {
    this.#isStopped = false
    this.#running = this.#run(this.#options)
  }

  /** Sends no more. Resolves when it knows what became of all it sent; fails with what failed. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
    while (this.#open.size > 0) await Promise.all(this.#open)
    if (this.#failed.length > 0) throw new AggregateError(this.#failed, `${this.name} could not send ${this.#failed.length} messages: ${String(this.#failed[0])}`)
  }

  /** One message that is in no history. */
  probe(): void {
    void this.#publish({ from: this.name, n: PROBE })
  }

  async #run({ everyMs = 2, burst = 4 }: SenderOptions): Promise<void> {
    while (!this.#isStopped) {
      for (let i = 0; i < burst; i++) this.#send()
      await delay(everyMs)
    }
  }

  #send(): void {
    const message = this.#history.next(this.name, this.subject)
    this.sentAtMs.push(performance.now())
    const sent = this.#follow(message).finally(() => this.#open.delete(sent))
    this.#open.add(sent)
  }

  async #follow(message: Numbered): Promise<void> {
    try {
      const told = await this.#publish(message)
      if (told !== undefined) this.#history.told(this.subject, message, told)
    } catch (error) {
      // Also when the test has failed and its clients are gone: it must not go on for ever.
      this.#isStopped = true
      this.#failed.push(error)
    }
  }
}
