// The order in which NATS servers are tried.

import type { ServerAddress } from '../../ground/nats-address.ts'

/** The servers in the order in which they are tried: at random at first, and the one that was lost last. */
export class ServerOrder {
  #servers: readonly ServerAddress[]

  /** `random` gives 0 and more, below 1. */
  constructor(servers: readonly ServerAddress[], random: () => number) {
    this.#servers = servers.map((server) => ({ server, at: random() })).toSorted((a, b) => a.at - b.at).map(({ server }) => server)
  }

  get all(): readonly ServerAddress[] {
    return this.#servers
  }

  /** It was lost, or asked to be left: from now on it is the last. */
  lost(server: ServerAddress): void {
    this.#servers = [...this.#servers.filter((each) => each !== server), server]
  }
}
