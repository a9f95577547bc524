// Steady numbered messages over several brokers: senders and listeners whose doings are kept in a history. Both may be
// clients of Callboard or plain clients of NATS.

import { setTimeout as delay } from 'node:timers/promises'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import type { ExecutionContext } from 'ava'
import type { Client, DeliveryReceipt } from '../../client/index.ts'
import type { ClusterHistory, Numbered, Receiver, Told } from './cluster-history.ts'

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
const PROBE = 0

/** What a receipt says of the way beyond the broker; undefined: there was none. */
export function toldBy({ forwarded = 0, dropped }: DeliveryReceipt): Told | undefined {
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

/** Who notes what comes. */
export class Listener {
  readonly name: string
  readonly #receiver: Receiver
  readonly #heard = new Set<string>()
  readonly #latest = new Map<string, number>()
  readonly #waiting = new Set<() => void>()

  private constructor(history: ClusterHistory, name: string, group: string | undefined) {
    this.name = name
    this.#receiver = history.receiver(name, group)
  }

  /** A client of Callboard that listens; resolves when its broker has its subscription. */
  static async of(history: ClusterHistory, client: Client, name: string, pattern: string, group?: string): Promise<Listener> {
    const listener = new Listener(history, name, group)
    await client.subscribe<Numbered>(pattern, { ...(group === undefined ? {} : { group }), onMessage: ({ subject, value }) => listener.#came(subject, value) }).ready
    return listener
  }

  /** A plain NATS client that does; resolves when its server has its subscription. */
  static async ofNats(history: ClusterHistory, client: NatsConnection, name: string, pattern: string, queue?: string): Promise<Listener> {
    const listener = new Listener(history, name, queue)
    client.subscribe(pattern, { ...(queue === undefined ? {} : { queue }), callback: (_, message) => listener.#came(message.subject, message.json<Numbered>()) })
    await client.flush()
    return listener
  }

  /** Probes of that sender have come. */
  hasHeard({ name }: Sender): boolean {
    return this.#heard.has(name)
  }

  /** The highest number that came from a sender; 0: none. */
  latestOf({ name }: Sender): number {
    return this.#latest.get(name) ?? 0
  }

  /** Resolves as soon as a message of the sender with a number above `n` comes. */
  async hears(sender: Sender, n: number): Promise<void> {
    while (this.latestOf(sender) <= n) await new Promise<void>(resolve => this.#waiting.add(resolve))
  }

  #came(subject: string, message: Numbered): void {
    if (message.n === PROBE) {
      this.#heard.add(message.from)
      return
    }
    this.#receiver.came(subject, message)
    this.#latest.set(message.from, Math.max(this.#latest.get(message.from) ?? 0, message.n))
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

/** Resolves when every listener has heard every sender: interest goes through a cluster in its own time. */
export async function untilHeard(senders: readonly Sender[], listeners: readonly Listener[]): Promise<void> {
  while (!listeners.every(listener => senders.every(sender => listener.hasHeard(sender)))) {
    for (const sender of senders) sender.probe()
    await delay(5)
  }
}

/** A time on the monotonic clock in which something was killed, cut or away. ms */
export interface Trouble {
  readonly fromMs: number
  readonly toMs: number
}

/**
 * Messages that did not come to a subscriber or group, of which the sender was not told, and that were not sent within any
 * of these times; as text, each run of them as one line. Empty: every loss is explained.
 */
export function unexplainedLosses(history: ClusterHistory, to: string, senders: readonly Sender[], troubles: readonly Trouble[] = []): string[] {
  return senders.flatMap(sender => {
    const lost = history
      .missing(to, sender.subject)
      .filter(({ from, told }) => from === sender.name && told !== 'link-down' && told !== 'link-unknown')
      .filter(({ n }) => !troubles.some(({ fromMs, toMs }) => fromMs <= sender.sentAtMs[n - 1]! && sender.sentAtMs[n - 1]! <= toMs))
    return runsOf(lost).map(([{ n, told }, last]) => `${to} did not get ${sender.name} ${sender.subject} ${n}..${last.n} (sent at ${Math.round(sender.sentAtMs[n - 1]!)}..${Math.round(sender.sentAtMs[last.n - 1]!)} ms), of which its sender was told ${told}`)
  })
}

// First and last of each run of consecutive numbers of which the same was told.
function runsOf<T extends { readonly n: number; readonly told: string }>(all: readonly T[]): [first: T, last: T][] {
  const runs: [T, T][] = []
  for (const each of all) {
    const run = runs.at(-1)
    if (run !== undefined && run[1].n === each.n - 1 && run[1].told === each.told) run[1] = each
    else runs.push([each, each])
  }
  return runs
}

/** How long what is under way may take on a busy machine, once all who send have stopped. ms */
const ARRIVAL_MS = 10_000

/** Passes when `losses` are none any more; fails with those that stay, after `explain` has told what may help to find why. */
export async function untilExplained(t: Pick<ExecutionContext, 'deepEqual'>, losses: () => string[], explain?: () => Promise<void>): Promise<void> {
  const sinceMs = performance.now()
  while (losses().length > 0 && performance.now() < sinceMs + ARRIVAL_MS) await delay(20)
  if (losses().length > 0) await explain?.()
  t.deepEqual(losses(), [])
}
