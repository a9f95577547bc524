// Connections after principals have changed: who is not let in any more goes, who may less loses the subscriptions that are
// denied now. Permissions to publish hold from the next message on.

import { AllowedReplies } from './allowed-replies.ts'
import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import { Kind } from './ground/kind.ts'
import type { Permissions } from './security/permissions.ts'

/** What takes subscriptions back. */
interface Subscriptions {
  unsubscribe(connection: Connection, number: number): void
}

export class Reauthorisation {
  readonly #core: Core
  readonly #subscriptions: Subscriptions

  constructor(core: Core, subscriptions: Subscriptions) {
    this.#core = core
    this.#subscriptions = subscriptions
  }

  /** What let the principal in does so no longer: its connections end. */
  revoked(principal: string): void {
    for (const connection of this.#of(principal)) this.#core.end(connection, new BrokerError('auth.failed', { principal, reason: 'its credential was taken back' }))
  }

  /** The principal's connections go on with other permissions. */
  changed(principal: string, permissions: Permissions): void {
    for (const connection of this.#of(principal)) {
      // Narrowed by what the client presented, which is not kept: it presents it again.
      if (connection.permissions!.isNarrowed) this.#core.end(connection, new BrokerError('auth.failed', { principal, reason: 'its permissions have changed' }))
      else this.#apply(connection, permissions)
    }
    this.#core.routes.invalidateAll()
  }

  #apply(connection: Connection, permissions: Permissions): void {
    connection.permissions = permissions
    connection.replies = permissions.responses && new AllowedReplies(permissions.responses, () => this.#core.clock.monotonicMs())
    // What it published on last was allowed by the permissions before.
    connection.lastRoute = undefined
    this.#core.registering.judgeAgain(connection)
    const isNats = connection.link.protocol === 'nats'
    for (const { number, tokens, pattern, group, subscriber } of connection.subscriptions?.values() ?? []) {
      if (isNats ? permissions.maySubscribeWhole(tokens, group) : permissions.maySubscribe(tokens)) continue
      if (subscriber.revoked === undefined) this.#subscriptions.unsubscribe(connection, number)
      else subscriber.revoked()
      this.#denied(connection, number, pattern, group)
    }
    for (const { subscription, queue, consumer } of connection.consumers?.values() ?? []) {
      if (!consumer.isOpen || permissions.maySubscribe(queue.name.split('.'))) continue
      this.#subscriptions.unsubscribe(connection, subscription)
      this.#denied(connection, subscription, queue.name, undefined, subscription)
    }
  }

  #denied(connection: Connection, number: number, subject: string, group?: string, consumer = 0): void {
    const error = new BrokerError('permission.denied', { principal: connection.permissions!.name, action: 'subscribe to', subject, group })
    this.#core.send(connection, { kind: Kind.error, to: consumer, ref: number, body: error.toBody() })
  }

  #of(principal: string): Connection[] {
    return [...this.#core.directory.all()].filter(({ permissions }) => permissions?.name === principal)
  }
}
