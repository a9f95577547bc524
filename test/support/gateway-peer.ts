// A gateway client by hand: the messages of text that a phone or an app would send over its WebSocket.

import { once } from 'node:events'
import { WebSocket } from 'ws'
import { MessageQueue } from '../../client/message-queue.ts'
import type { Teardown } from './temporary-directory.ts'

export type Heard = Readonly<Record<string, unknown>>

/** With which code and reason the broker closed. */
export interface Closing {
  readonly code: number
  readonly reason: string
}

export class GatewayPeer {
  readonly socket: WebSocket
  /** Resolves when the connection is gone. */
  readonly closed: Promise<Closing>
  /** Of the greeting. */
  nonce = ''
  /** Payload of hello-ok, when `join` made it. */
  helloOk: Heard = {}
  readonly #heard = new MessageQueue<Heard>()

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) this.#heard.push(JSON.parse(data.toString()) as Heard)
    })
    socket.on('error', () => {})
    this.closed = new Promise(resolve => {
      socket.on('close', (code, reason) => {
        this.#heard.end()
        resolve({ code, reason: reason.toString() })
      })
    })
  }

  /** Connected and greeted, nothing said. */
  static async open(t: Teardown, url: string): Promise<GatewayPeer> {
    const socket = new WebSocket(url)
    t.teardown(() => socket.terminate())
    const peer = new GatewayPeer(socket)
    await once(socket, 'open')
    const { event, payload } = await peer.next()
    if (event !== 'connect.challenge') throw new Error(`expected a greeting, got ${String(event)}`)
    peer.nonce = (payload as { nonce: string }).nonce
    return peer
  }

  /** After hello-ok; `params` adds to those of connect. */
  static async join(t: Teardown, url: string, token: string, params: object = {}): Promise<GatewayPeer> {
    const peer = await GatewayPeer.open(t, url)
    peer.say({ type: 'connect', id: 'connect', params: { auth: { token }, ...params } })
    const answer = await peer.next()
    if (answer['ok'] !== true) throw new Error(`expected hello-ok, got ${JSON.stringify(answer)}`)
    peer.helloOk = answer['payload'] as Heard
    return peer
  }

  /** The next message; fails when the connection ended first. */
  async next(): Promise<Heard> {
    const { value } = await this.#heard.next()
    if (value === undefined) throw new Error('the broker closed the connection')
    return value
  }

  /** The next message, which must be of that type. */
  async nextOf(type: string): Promise<Heard> {
    const message = await this.next()
    if (message['type'] !== type) throw new Error(`expected ${type}, got ${JSON.stringify(message)}`)
    return message
  }

  say(message: object): void {
    this.write(JSON.stringify(message))
  }

  /** Text as it is. */
  write(text: string): void {
    this.socket.send(text)
  }

  request(id: string | number, method: string, params?: object): void {
    this.say({ type: 'req', id, method, ...(params === undefined ? {} : { params }) })
  }

  /** Sends a `req` and gives its `res`, which must be the next message. */
  async call(id: string | number, method: string, params?: object): Promise<Heard> {
    this.request(id, method, params)
    const answer = await this.nextOf('res')
    if (answer['id'] !== id) throw new Error(`expected the answer to ${id}, got ${JSON.stringify(answer)}`)
    return answer
  }
}

/** The code of the error that a message tells. */
export function errorCodeOf({ error, payload }: Heard): unknown {
  return ((error ?? payload) as { code?: unknown } | undefined)?.code
}
