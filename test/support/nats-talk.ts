// A NATS client by hand on a socket: what it says is written as it stands, what it hears is kept.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Teardown } from './temporary-directory.ts'

/** An answer to come that proves that everything before it was dealt with. */
const MARK = 'PING\r\n'
/** A server that has not answered by then will not. ms */
const PATIENCE_MS = 30_000
const ANSWER = /^PONG\r\n/gm

export class NatsTalk {
  readonly #socket: Socket
  #heard = ''
  #marks = 0
  #isClosed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => (this.#heard += chunk))
    // A server that ends while it is being written to resets the connection.
    socket.on('error', () => {})
    socket.once('close', () => (this.#isClosed = true))
  }

  /** Connected and greeted. */
  static async open(t: Teardown, port: number): Promise<NatsTalk> {
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    const talk = new NatsTalk(socket)
    await talk.#until(() => talk.#heard.includes('\r\n'))
    return talk
  }

  /** True when the server ended it. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** What INFO said first. */
  get info(): Record<string, unknown> {
    return JSON.parse(/^INFO (.*?) ?\r\n/.exec(this.#heard)![1]!) as Record<string, unknown>
  }

  /** All that was heard behind the greeting. */
  get heard(): string {
    return this.#heard.slice(this.#heard.indexOf('\r\n') + 2)
  }

  /** Says it, and waits until the server has dealt with it or has gone. */
  async say(text: string): Promise<void> {
    this.#socket.write(text, 'latin1')
    this.#marks += text.split(MARK).length - 1
    await this.settle()
  }

  /** Everything that was on its way when this was called has come. */
  async settle(): Promise<void> {
    if (this.#isClosed) return
    this.#socket.write(MARK)
    this.#marks++
    await this.#until(() => this.#isClosed || (this.#heard.match(ANSWER)?.length ?? 0) >= this.#marks)
  }

  /** Says it, where no answer is to be waited for but the end; a server that does not end it in time is left. */
  async sayLast(text: string): Promise<void> {
    if (text !== '') this.#socket.write(text, 'latin1')
    await this.#until(() => this.#isClosed)
  }

  async #until(isSo: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(PATIENCE_MS)
    const options = { signal: late }
    while (!isSo() && !late.aborted) await Promise.race([once(this.#socket, 'data', options), once(this.#socket, 'close', options)]).catch(() => {})
  }
}
