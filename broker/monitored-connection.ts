// A connection as the monitoring endpoints see it: read where it stands, when somebody asks.

import type { Connection } from './connection.ts'
import type { ConnectionFigures, SubscriptionFigures } from './monitoring/figures.ts'
import type { Subscription } from './routing/subscription.ts'

/** Views of an open connection; nothing is copied until a field is read. */
export class MonitoredConnection implements ConnectionFigures {
  readonly #connection: Connection
  readonly #peer: { readonly ip: string; readonly port: number }
  readonly end = undefined

  constructor(connection: Connection) {
    this.#connection = connection
    this.#peer = splitAddress(connection.link.peer.address)
  }

  get number(): number {
    return this.#connection.number
  }

  get type(): ConnectionFigures['type'] {
    const { protocol, wrap } = this.#connection.link
    return protocol === undefined ? 'callboard' : wrap === undefined ? 'nats' : 'websocket'
  }

  get ip(): string {
    return this.#peer.ip
  }

  get port(): number {
    return this.#peer.port
  }

  get startMs(): number {
    return this.#connection.openedAtMs
  }

  get activeMs(): number {
    return this.#connection.activity.sinceMs
  }

  get rttMicros(): number | undefined {
    return this.#connection.activity.rttMicros
  }

  get pendingBytes(): number {
    return this.#connection.outbound.pendingBytes
  }

  get inMessages(): number {
    return this.#connection.receivedMessages
  }

  get outMessages(): number {
    return this.#connection.outbound.writtenMessages
  }

  get inBytes(): number {
    return this.#connection.dialect?.messageBytes?.received ?? this.#connection.receivedBytes
  }

  get outBytes(): number {
    return this.#connection.dialect?.messageBytes?.delivered ?? this.#connection.outbound.writtenBytes
  }

  get subscriptions(): number {
    return this.#connection.subscriptions?.size ?? 0
  }

  get name(): string | undefined {
    const { client, program, link } = this.#connection
    // A NATS client's id is its name made fit for an address; shown is what it said.
    const name = link.protocol === undefined ? client : program
    return name === '' ? undefined : name
  }

  get lang(): string | undefined {
    return this.#connection.device?.lang
  }

  get version(): string | undefined {
    return this.#connection.device?.version
  }

  get principal(): string | undefined {
    return this.#connection.permissions?.name
  }

  *list(): Iterable<SubscriptionFigures> {
    for (const subscription of this.#connection.subscriptions?.values() ?? []) yield subscriptionFigures(subscription)
  }
}

export function subscriptionFigures({ number, pattern, group, subscriber }: Subscription): SubscriptionFigures {
  const { sid = String(number), delivered, max } = subscriber
  return { subject: pattern, group, sid, messages: delivered, max: max === Infinity ? undefined : max }
}

/** `127.0.0.1:4222` and `[::1]:4222` taken apart; what has no port is all address. */
export function splitAddress(address: string): { readonly ip: string; readonly port: number } {
  const match = /^\[?(.+?)\]?:(\d+)$/.exec(address)
  return match === null ? { ip: address, port: 0 } : { ip: match[1]!, port: Number(match[2]) }
}
