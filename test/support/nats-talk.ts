// A NATS client by hand whose whole conversation is kept: all it heard since the greeting, and whether it was ended.

import { NatsPeer } from './nats-peer.ts'
import type { Teardown } from './temporary-directory.ts'

/** Its answer proves that everything before it was dealt with. */
const MARK = 'PING\r\n'

export class NatsTalk {
  readonly #peer: NatsPeer
  #heard = ''
  #isClosed = false

  private constructor(peer: NatsPeer) {
    this.#peer = peer
  }

  /** Connected and greeted. */
  static async open(t: Teardown, port: number): Promise<NatsTalk> {
    return new NatsTalk(await NatsPeer.open(t, `nats://127.0.0.1:${port}`))
  }

  /** True when the server ended it. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** What INFO said first. */
  get info(): Readonly<Record<string, unknown>> {
    return this.#peer.info
  }

  /** All that was heard behind the greeting, one character a byte. */
  get heard(): string {
    return this.#heard
  }

  /** Says it, one byte a character, and waits until the server has dealt with it or has gone. */
  async say(text: string): Promise<void> {
    this.#peer.say(Buffer.from(text, 'latin1'))
    for (let marks = text.split(MARK).length - 1; marks > 0; marks--) await this.#answered()
    await this.settle()
  }

  /** Everything that was on its way when this was called has come. */
  async settle(): Promise<void> {
    if (this.#isClosed) return
    this.#peer.say(MARK)
    await this.#answered()
  }

  /** Says it, where no answer is to be waited for but the end. */
  async sayLast(text: string): Promise<void> {
    this.#peer.say(Buffer.from(text, 'latin1'))
    await this.#ended()
  }

  async #answered(): Promise<void> {
    const answer = await this.#peer.upTo('PONG\r\n').catch(() => undefined)
    if (answer === undefined) await this.#ended()
    else this.#heard += answer
  }

  async #ended(): Promise<void> {
    if (this.#isClosed) return
    this.#heard += await this.#peer.ending()
    this.#isClosed = true
  }
}
