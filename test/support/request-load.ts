// Clients that ask without a pause, and others that answer: how many requests failed, and how long the slowest took.

import { connect, type Client } from '../../client/index.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { Teardown } from './temporary-directory.ts'

export interface Loaded {
  readonly answered: number
  /** By code. */
  readonly failed: Readonly<Record<string, number>>
  /** Answers to another request than the one that was asked. */
  readonly wrong: number
  readonly slowestMs: number
}

/** An answer that comes late on a busy machine is no failure. */
const PATIENCE_MS = 60_000

/** Where clients connect, in turn: `{ socket }`, `{ url }`. */
export type Way = Parameters<typeof connect>[0]

export class RequestLoad {
  readonly clients: Client[] = []
  #answered = 0
  #wrong = 0
  #slowestMs = 0
  #isOver = false
  readonly #failed: Record<string, number> = {}
  #loops: Promise<void>[] = []
  #waiting: (() => void)[] = []

  /** `askers` clients with `depth` requests each at a time, to a group of `responders`; what these have open they answer in order. */
  static async start(t: Teardown, ways: readonly Way[], { askers = 4, responders = 2, depth = 8 } = {}): Promise<RequestLoad> {
    const load = new RequestLoad()
    t.teardown(() => load.clients.forEach(client => client.destroy()))
    const open = async (i: number): Promise<Client> => {
      const client = await connect({ agent: false, requestTimeoutMs: PATIENCE_MS, ...ways[i % ways.length] })
      load.clients.push(client)
      return client
    }
    const answering = await Promise.all(Array.from({ length: responders }, (_, i) => open(i)))
    const subscribed = answering.map(client => client.subscribe<{ n: number }>('load.add', { group: 'adders', onMessage: message => message.respond({ n: message.value.n + 1 }) }).ready)
    await Promise.all(subscribed)
    const asking = await Promise.all(Array.from({ length: askers }, (_, i) => open(i)))
    load.#loops = asking.flatMap(client => Array.from({ length: depth }, () => load.#ask(client)))
    return load
  }

  get answered(): number {
    return this.#answered
  }

  /** Resolves when so many more were answered, or all is over. */
  async more(count: number): Promise<void> {
    const goal = this.#answered + count
    while (this.#answered < goal && !this.#isOver) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  /** What came of it; nothing is asked any more. */
  async end(): Promise<Loaded> {
    this.#isOver = true
    await Promise.all(this.#loops)
    return { answered: this.#answered, failed: this.#failed, wrong: this.#wrong, slowestMs: Math.round(this.#slowestMs) }
  }

  async #ask(client: Client): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      const sinceMs = performance.now()
      try {
        const { value } = await client.request<{ n: number }>('load.add', { n })
        if (value.n !== n + 1) this.#wrong++
        this.#answered++
      } catch (error) {
        const { code } = BrokerError.from(error)
        this.#failed[code] = (this.#failed[code] ?? 0) + 1
        if (client.isConnected) await new Promise(resolve => setImmediate(resolve))
      }
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - sinceMs)
      const waiting = this.#waiting
      this.#waiting = []
      for (const wake of waiting) wake()
    }
  }
}
