// Who notes in a history what comes: a client of Callboard or a plain client of NATS, alone or as a member of a group.

import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Client } from '../../client/index.ts'
import type { ClusterHistory, Numbered, Receiver } from './cluster-history.ts'
import { PROBE, type Sender } from './cluster-sender.ts'

/** Below the time after which AVA ends a test process without a word of where it stood. */
const LIMIT_MS = 150_000

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

  /** Since when messages of the sender may be on their way to it: the latest that came was sent then. Monotonic, ms; now, where none came. */
  awaitsSinceMs(sender: Sender): number {
    return sender.sentAtMs[this.latestOf(sender) - 1] ?? performance.now()
  }

  /** Resolves as soon as a message of the sender with a number above `n` comes. @throws Error when none has come after 150 s */
  async hears(sender: Sender, n: number): Promise<void> {
    const late = AbortSignal.timeout(LIMIT_MS)
    late.addEventListener('abort', () => this.#wake())
    while (this.latestOf(sender) <= n && !late.aborted) await new Promise<void>(resolve => this.#waiting.add(resolve))
    if (this.latestOf(sender) <= n) throw new Error(`${this.name} has heard nothing above ${n} of ${sender.name} within ${LIMIT_MS / 1000} s; the last was ${this.latestOf(sender)} of ${sender.sent}`)
  }

  #came(subject: string, message: Numbered): void {
    if (message.n === PROBE) {
      this.#heard.add(message.from)
      return
    }
    this.#receiver.came(subject, message)
    this.#latest.set(message.from, Math.max(this.#latest.get(message.from) ?? 0, message.n))
    this.#wake()
  }

  #wake(): void {
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
