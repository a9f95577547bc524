// The last connections that were closed. nats-server keeps 10,000; a few hundred answer what people ask, in 1 MiB at most.

import type { ConnectionFigures, SubscriptionFigures } from './figures.ts'

const MAX_KEPT = 256
/** Subscriptions kept of each. */
const MAX_SUBSCRIPTIONS = 10

export class ClosedConnections {
  readonly #ring: ConnectionFigures[] = []
  #next = 0

  /** A copy of the figures as they are, with its end; the oldest is forgotten for it. */
  add(figures: ConnectionFigures, end: ConnectionFigures['end']): void {
    const { number, type, ip, port, startMs, activeMs, rttMicros, pendingBytes, inMessages, outMessages, inBytes, outBytes, subscriptions, name, lang, version, principal } = figures
    const list: SubscriptionFigures[] = []
    for (const subscription of figures.list()) if (list.push(subscription) === MAX_SUBSCRIPTIONS) break
    this.#ring[this.#next] = { number, type, ip, port, startMs, activeMs, end, rttMicros, pendingBytes, inMessages, outMessages, inBytes, outBytes, subscriptions, name, lang, version, principal, list: () => list }
    this.#next = (this.#next + 1) % MAX_KEPT
  }

  all(): readonly ConnectionFigures[] {
    return this.#ring
  }
}
