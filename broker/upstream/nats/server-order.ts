// The order in which NATS servers are tried.

import type { ServerAddress } from '../../ground/nats-address.ts'

/** The servers in the order in which they are tried: at random at first, but for one that is known to be there, and the one that was lost last. */
export class ServerOrder {
  #servers: readonly ServerAddress[]

  /** `random` gives 0 and more, below 1; `first`: `host:port` of the one that is tried before all others, where it is among them. */
  constructor(servers: readonly ServerAddress[], random: () => number, first?: string) {
    this.#servers = servers.map((server) => ({ server, at: server.text === first ? -1 : random() })).toSorted((a, b) => a.at - b.at).map(({ server }) => server)
  }

  get all(): readonly ServerAddress[] {
    return this.#servers
  }

  /** It was lost, or asked to be left: from now on it is the last. */
  lost(server: ServerAddress): void {
    this.#servers = [...this.#servers.filter((each) => each !== server), server]
  }
}
