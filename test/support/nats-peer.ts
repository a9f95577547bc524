// A NATS client by hand on a real socket: what a test says, right or wrong, and what comes back.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { natsMessages, type ReceivedMessage } from './nats-text.ts'
import type { Teardown } from './temporary-directory.ts'

export class NatsPeer {
  readonly socket: Socket
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
  /** What INFO said. */
  info: Readonly<Record<string, unknown>> = {}
  #heard = ''
  #isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#heard += chunk.toString('latin1')
      socket.emit('heard')
    })
    // The broker may cut it while the test still writes.
    socket.on('error', () => {})
    // Not once(): that rejects when the connection breaks.
    this.closed = new Promise(resolve => {
      socket.on('close', () => {
        this.#isClosed = true
        socket.emit('heard')
        resolve()
      })
    })
  }

  /** Connected and told INFO, nothing said. */
  static async open(t: Teardown, url: string): Promise<NatsPeer> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    const peer = new NatsPeer(socket)
    const line = await peer.upTo('\r\n')
    peer.info = JSON.parse(line.replace(/^INFO /, '')) as Record<string, unknown>
    return peer
  }

  /** After CONNECT as the owner; `options` adds to it. */
  static async join(t: Teardown, { nats, token }: { readonly nats: string; readonly token: string }, options: object = {}): Promise<NatsPeer> {
    const peer = await NatsPeer.open(t, nats)
    peer.say(`CONNECT ${JSON.stringify({ verbose: false, headers: true, no_responders: true, user: 'owner', pass: token, ...options })}\r\n`)
    await peer.ping()
    return peer
  }

  say(text: string | Uint8Array): boolean {
    return this.socket.write(text)
  }

  /** What comes up to and with `end`, one character a byte; fails when the connection ended first. */
  async upTo(end: string): Promise<string> {
    let at = this.#heard.indexOf(end)
    while (at < 0) {
      if (this.#isClosed) throw new Error(`the broker closed the connection after ${JSON.stringify(this.#heard.slice(-200))}`)
      await once(this.socket, 'heard')
      at = this.#heard.indexOf(end)
    }
    const text = this.#heard.slice(0, at + end.length)
    this.#heard = this.#heard.slice(at + end.length)
    return text
  }

  /** Sends PING; what came before its PONG. */
  async ping(): Promise<string> {
    this.say('PING\r\n')
    return (await this.upTo('PONG\r\n')).slice(0, -'PONG\r\n'.length)
  }

  /** Sends PING; the messages that came before its PONG. */
  async messages(): Promise<ReceivedMessage[]> {
    return natsMessages(await this.ping())
  }

  /** All that comes until the broker closes the connection. */
  async ending(): Promise<string> {
    await this.closed
    return this.#heard
  }
}
