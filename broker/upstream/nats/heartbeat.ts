// Finds out that a server does not answer any more: PINGs on both connections, which it must answer.

import { Deadline, type Deadlines } from '../../ground/deadlines.ts'
import { BrokerError } from '../../ground/errors.ts'
import type { NatsClient } from './nats-client.ts'

/** PINGs without an answer after which the server is given up. */
const MAX_UNANSWERED = 2
/** The same while it sends something: its answer stands behind much else. */
const MAX_UNANSWERED_HEARD = 10

export class Heartbeat {
  readonly #deadlines: Deadlines
  readonly #nowMs: () => number
  readonly #intervalMs: number
  readonly #isPaused: () => boolean
  readonly #deadline = new Deadline(() => this.#beat())
  #clients: { readonly client: NatsClient; unanswered: number }[] = []
  #dueMs = 0

  /** `isPaused`: nothing is read at the moment, so nothing can be missed. */
  constructor(options: { readonly deadlines: Deadlines; readonly nowMs: () => number; readonly intervalMs: number; readonly isPaused: () => boolean }) {
    this.#deadlines = options.deadlines
    this.#nowMs = options.nowMs
    this.#intervalMs = options.intervalMs
    this.#isPaused = options.isPaused
  }

  start(clients: readonly NatsClient[]): void {
    this.#clients = clients.map((client) => ({ client, unanswered: 0 }))
    this.#next()
  }

  stop(): void {
    this.#clients = []
    this.#deadlines.cancel(this.#deadline)
  }

  #next(): void {
    this.#dueMs = this.#nowMs() + this.#intervalMs
    this.#deadlines.set(this.#deadline, this.#intervalMs)
  }

  #beat(): void {
    // This process stood still, or was busy: answers may lie there unread.
    const isLate = this.#nowMs() - this.#dueMs > this.#intervalMs / 2
    for (const each of this.#clients) {
      if (isLate || this.#isPaused()) each.unanswered = Math.min(each.unanswered, 1)
      else if (this.#check(each)) return
    }
    this.#next()
  }

  // True when it was given up.
  #check(each: { readonly client: NatsClient; unanswered: number }): boolean {
    const { client } = each
    const limit = client.wasHeard ? MAX_UNANSWERED_HEARD : MAX_UNANSWERED
    client.wasHeard = false
    if (each.unanswered >= limit) {
      client.destroy(new BrokerError('bus.stale', { server: client.server.text, silentMs: each.unanswered * this.#intervalMs }))
      return true
    }
    each.unanswered++
    client.ping(() => (each.unanswered = 0))
    return false
  }
}
