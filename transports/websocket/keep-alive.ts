// Pings links from which nothing comes, and gives up those that do not answer. One sweep for all, so that an idle link has
// no timer of its own.

import { Deadline, type Deadlines } from '../../broker/ground/deadlines.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { WebSocketLink } from './websocket-link.ts'

export interface KeepAliveOptions {
  /** Silence after which a link is pinged. ms, 0 = never */
  readonly pingIntervalMs: number
  /** Time that it has to answer. ms */
  readonly pingTimeoutMs: number
}

/** Looks in the shorter of the two times; more often makes the end of a dead link no more useful. */
const LOOKS = 4

export class KeepAlive {
  readonly #links: Iterable<WebSocketLink>
  readonly #options: KeepAliveOptions
  readonly #deadlines: Deadlines
  readonly #lookMs: number
  readonly #deadline = new Deadline(() => this.#look())

  constructor(links: Iterable<WebSocketLink>, options: KeepAliveOptions, deadlines: Deadlines) {
    this.#links = links
    this.#options = options
    this.#deadlines = deadlines
    this.#lookMs = Math.max(1, Math.min(options.pingIntervalMs, options.pingTimeoutMs) / LOOKS)
  }

  start(): void {
    if (this.#options.pingIntervalMs > 0) this.#deadlines.set(this.#deadline, this.#lookMs)
  }

  stop(): void {
    this.#deadlines.cancel(this.#deadline)
  }

  #look(): void {
    const { pingIntervalMs, pingTimeoutMs } = this.#options
    for (const link of this.#links) {
      // Whom the broker does not read cannot be heard.
      if (link.wasHeard || link.isUnread) {
        link.wasHeard = link.isPinged = false
        link.silentMs = 0
        continue
      }
      link.silentMs += this.#lookMs
      if (link.isPinged && link.silentMs >= pingIntervalMs + pingTimeoutMs) link.fail(new BrokerError('connection.stale', { silentMs: Math.round(link.silentMs) }))
      else if (!link.isPinged && link.silentMs >= pingIntervalMs) {
        link.isPinged = true
        link.ping()
      }
    }
    this.start()
  }
}
