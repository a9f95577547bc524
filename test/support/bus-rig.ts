// One bus for a story: clients that come to it one after the other, spread over the brokers that it is made of.

import type { Client, ConnectOptions } from '../../client/index.ts'
import { startBroker, type LocalBroker } from './broker.ts'
import { joinedBrokers } from './joined-brokers.ts'
import { startNatsServer } from './nats-server.ts'
import type { Teardown } from './temporary-directory.ts'
import { until } from './until.ts'

export class BusRig {
  readonly #brokers: readonly LocalBroker[]
  /** Clients that came before the story began. */
  readonly #before: number
  #clients = 0

  constructor(brokers: readonly LocalBroker[], before: number) {
    this.#brokers = brokers
    this.#before = before
  }

  /** A client at the next broker in turn. */
  client(options: ConnectOptions = {}): Promise<Client> {
    return this.#brokers[this.#clients++ % this.#brokers.length]!.connect({ requestTimeoutMs: 60_000, ...options })
  }

  /** So many of them. */
  clients(count: number): Promise<Client[]> {
    return Promise.all(Array.from({ length: count }, () => this.client()))
  }

  /** Resolves when every broker knows every client that is connected now. */
  async acquainted(): Promise<void> {
    for (const broker of this.#brokers.length > 1 ? this.#brokers : []) {
      const probe = await broker.connect()
      await until(async () => {
        const { bus, connections } = await probe.call('status')
        // Without the probe and the link.
        return bus!.cluster.clients + connections - 2 >= this.#before + this.#clients
      })
      await probe.close()
    }
  }

  /** Resolves when nothing waits any more; true when every delivery is accounted for. */
  async isBalanced(): Promise<boolean> {
    const stats = await Promise.all(
      this.#brokers.map(async broker => {
        const client = await broker.connect()
        await until(async () => (await client.call('stats')).pending === 0)
        return client.call('stats')
      }),
    )
    return stats.every(({ balanced }) => balanced)
  }
}

export async function embeddedBusRig(t: Teardown, config: object = {}): Promise<BusRig> {
  return new BusRig([await startBroker(t, { config })], 0)
}

/** Two brokers joined by a real server. */
export async function joinedBusRig(t: Teardown, config: object = {}): Promise<BusRig> {
  const { url } = await startNatsServer(t, { jetStream: true })
  const brokers = await joinedBrokers(t, [url], [{ config }, { config }])
  return new BusRig(brokers.map(({ broker }) => broker), 4)
}
