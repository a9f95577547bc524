// Connections that are to end without a loss: taken out of what they share with others, so that nothing new comes to them, until
// what they have is answered. Nothing is asked per message: they are not there where messages look.

import type { Connection } from './connection.ts'
import type { Consuming } from './consuming.ts'
import type { InstanceHealth } from './ground/registry.ts'
import type { Registering } from './registering.ts'
import type { Subscribing } from './subscribing.ts'

export class Retiring {
  readonly #registering: Registering
  readonly #subscribing: Subscribing
  readonly #consuming: Consuming

  constructor(registering: Registering, subscribing: Subscribing, consuming: Consuming) {
    this.#registering = registering
    this.#subscribing = subscribing
    this.#consuming = consuming
  }

  /** No requests by its names, nothing from queue groups and queues from now on. What is addressed to it alone still comes. */
  begin(connection: Connection): void {
    connection.isRetiring = true
    this.#registering.keep(connection, 'draining')
    this.#subscribing.withdraw(connection)
  }

  /** The same for good: what it subscribed for itself alone does not come either. */
  leave(connection: Connection): void {
    this.begin(connection)
    this.#subscribing.withdrawAll(connection)
  }

  /** It takes part again. */
  end(connection: Connection): void {
    connection.isRetiring = false
    this.#registering.keep(connection, undefined)
    this.#subscribing.rejoin(connection)
    this.#consuming.changed(connection)
  }

  /** How whoever supervises it says that it is, beside what it says itself; undefined: nothing. Ends with the connection. */
  keep(connection: Connection, health: InstanceHealth | undefined): void {
    this.#registering.keep(connection, health)
  }

  /** undefined: nothing is said of it. */
  kept(connection: Connection): InstanceHealth | undefined {
    return this.#registering.kept(connection)
  }

  /** True when it has nothing to answer, and all that was for it has left. */
  isIdle(connection: Connection): boolean {
    return connection.awaitedAnswers === 0 && connection.outbound.pendingMessages === 0
  }

  /** What it shares with others: its groups, and the names that it registered itself. */
  serves(connection: Connection): ReadonlySet<string> {
    const groups = [...(connection.subscriptions?.values() ?? [])].flatMap(({ pattern, group }) => (group === undefined ? [] : [`group ${group} of ${pattern}`]))
    const queues = [...(connection.consumers?.values() ?? [])].map(({ queue }) => `queue ${queue.name}`)
    return new Set([...groups, ...queues, ...this.#registering.asked(connection).map((name) => `name ${name}`)])
  }
}
