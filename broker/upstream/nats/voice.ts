// What a broker says of itself by its link: words to other brokers, and that nobody answers. A connection that is closed says nothing any more.

import type { NatsClient } from './nats-client.ts'
import type { Outgoing } from './outgoing.ts'

export class Voice {
  readonly #outgoing: Outgoing
  #client: NatsClient | undefined

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing
  }

  /** By this connection from now on, also while it is being joined. */
  use(client: NatsClient): void {
    this.#client = client
  }

  say(subject: string): void {
    const lines: Uint8Array[] = []
    this.#outgoing.word(subject, lines)
    this.#client?.write(lines)
  }

  /** Tells whoever asks at `reply` that nobody answers. */
  decline(reply: string): void {
    const lines: Uint8Array[] = []
    this.#outgoing.declined(reply, lines)
    this.#client?.write(lines)
  }
}
