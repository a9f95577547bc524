// Brokers as presence sees them: clients that come and go, and what becomes of them. The servers are real.

import { systemClock } from '../../broker/ground/clock.ts'
import type { PresenceHost, PresentClient } from '../../broker/ground/presence.ts'
import { KvPresence, type SignTiming } from '../../broker/upstream/nats/kv-presence.ts'
import type { NatsConnection } from '@nats-io/transport-node'
import { connectNats } from './nats-client.ts'
import { recordedLog } from './recorded-log.ts'
import { untilOpen } from './until-open.ts'
import { until } from './until.ts'
import type { Teardown } from './temporary-directory.ts'

let lastNumber = 0

export class PresentBroker implements PresenceHost {
  readonly id: string
  readonly presence: KvPresence
  readonly log = recordedLog()
  readonly #clients = new Map<string, PresentClient>()
  /** What became of clients that were ended. */
  readonly ended: string[] = []
  connection!: NatsConnection

  constructor(id: string, timing: SignTiming) {
    this.id = id
    const self = { broker: id, name: `callboard-${id}`, host: 'here', pid: 1, version: '0' }
    this.presence = new KvPresence({ self, host: this, clock: systemClock, log: this.log, onTrouble: () => void this.#reopen(), timing })
  }

  // As ClusterState does: while the servers choose a leader the buckets cannot be followed.
  async #reopen(): Promise<void> {
    const { connection } = this
    await until(() => this.presence.open(connection).then(() => true, () => connection.isClosed() || connection !== this.connection))
  }

  clients(): Iterable<PresentClient> {
    return this.#clients.values()
  }

  client(id: string): PresentClient | undefined {
    return this.#clients.get(id)
  }

  agent(name: string): PresentClient | undefined {
    return [...this.#clients.values()].find(({ agent }) => agent === name)
  }

  end({ client, session }: PresentClient, code: string): void {
    if (this.#clients.get(client)?.session !== session) return
    this.ended.push(`${client} ${code}`)
    this.leave(client)
  }

  changed(): void {}

  /** A client connects; its session. */
  connect(client: string, { principal = 'owner', agent, sinceMs = ++lastNumber }: { principal?: string; agent?: string; sinceMs?: number } = {}): string {
    const session = `s${++lastNumber}`
    const present = { client, principal, agent, session, sinceMs }
    this.#clients.set(client, present)
    this.presence.came(present)
    return session
  }

  leave(client: string): void {
    this.#clients.delete(client)
    this.presence.left(client)
  }

  /** Where this broker would send what is for a client. */
  reach(client: string): string | undefined {
    return this.presence.subjectOf('client', client)
  }
}

/** Signs often enough for a test; nobody who lives counts as gone, however busy the machine is. */
export const SIGNS: SignTiming = { everyMs: 200, ttlMs: 60_000 }

/** A broker that has joined. */
export async function joinPresence(t: Teardown, url: string, id: string, timing = SIGNS): Promise<PresentBroker> {
  const broker = new PresentBroker(id, timing)
  broker.connection = await connectNats(t, url)
  await untilOpen(() => broker.presence.open(broker.connection))
  await until(() => broker.presence.isKnown)
  t.teardown(() => broker.presence.close())
  return broker
}

/** It comes back over a new connection. */
export async function rejoinPresence(t: Teardown, url: string, broker: PresentBroker): Promise<void> {
  broker.connection = await connectNats(t, url)
  await broker.presence.open(broker.connection)
}
