// A client of JSON lines by hand: what a shell script would send, and what it would read.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { MessageQueue } from '../../client/message-queue.ts'
import type { Envelope } from './json-lines-server.ts'
import type { Teardown } from './temporary-directory.ts'

export class JsonPeer {
  readonly socket: Socket
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
  /** Payload of the welcome, when `join` made it. */
  welcome: Readonly<Record<string, unknown>> = {}
  readonly #envelopes = new MessageQueue<Envelope>()

  private constructor(socket: Socket) {
    this.socket = socket
    // The broker may cut it while the test still writes; the reader of lines passes the socket's errors on.
    socket.on('error', () => {})
    createInterface(socket)
      .on('error', () => {})
      .on('line', line => this.#envelopes.push(JSON.parse(line) as Envelope))
    // Not once(): that rejects when the connection breaks.
    this.closed = new Promise(resolve => {
      socket.on('close', () => resolve(this.#envelopes.end()))
    })
  }

  /** Connected, nothing said. */
  static async open(t: Teardown, path: string): Promise<JsonPeer> {
    const socket = connect(path)
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return new JsonPeer(socket)
  }

  /** After the handshake; `hello` adds to its payload or replaces of it. */
  static async join(t: Teardown, path: string, token: string, hello: object = {}): Promise<JsonPeer> {
    const peer = await JsonPeer.open(t, path)
    peer.say({ type: 'hello', payload: { token, ...hello } })
    peer.welcome = (await peer.nextOf('welcome'))['payload'] as JsonPeer['welcome']
    return peer
  }

  /** The next envelope; fails when the connection ended first. */
  async next(): Promise<Envelope> {
    const { value } = await this.#envelopes.next()
    if (value === undefined) throw new Error('the broker closed the connection')
    return value
  }

  /** The next envelope, which must be of that type. */
  async nextOf(type: string): Promise<Envelope> {
    const envelope = await this.next()
    if (envelope.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(envelope)}`)
    return envelope
  }

  say(envelope: object): void {
    this.write(`${JSON.stringify(envelope)}\n`)
  }

  /** Text as it is. */
  write(text: string | Uint8Array): void {
    this.socket.write(text)
  }

  /** How the broker ends it: the code of its goodbye, or `cut` when it says none. What came before is passed over. */
  async ending(): Promise<string> {
    let code = 'cut'
    for (;;) {
      const { value } = await this.#envelopes.next()
      if (value === undefined) return code
      if (value.type === 'goodbye') code = (value['payload'] as { code: string }).code
    }
  }
}
