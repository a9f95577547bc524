// A WebSocket server of a test in front of any broker's Unix socket: whole frames both ways, one or several a message.
// The broker's own gateway has tests of its own; this one can be told to misbehave.

import { once } from 'node:events'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { Framer } from '../../broker/wire/framer.ts'
import { MessageQueue } from '../../client/message-queue.ts'
import type { Teardown } from './temporary-directory.ts'

export interface BridgeOptions {
  /** Sent as a text message to everyone who connects. */
  readonly greeting?: string
  /** Status with which every upgrade is refused. */
  readonly refuses?: number
}

export class WebSocketBridge {
  readonly url: string
  /** How many frames each message of a client held. */
  readonly framesPerMessage: number[] = []
  readonly #connections = new MessageQueue<WebSocket>()

  constructor(server: WebSocketServer, socketPath: string, { greeting }: BridgeOptions) {
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`
    server.on('connection', peer => {
      this.#connections.push(peer)
      if (greeting !== undefined) peer.send(greeting)
      this.#carry(peer, socketPath)
    })
  }

  static async start(t: Teardown, socketPath: string, options: BridgeOptions = {}): Promise<WebSocketBridge> {
    const { refuses } = options
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...(refuses === undefined ? {} : { verifyClient: (_: unknown, decide: (isAllowed: boolean, status: number) => void) => decide(false, refuses) }) })
    t.teardown(() => {
      for (const peer of server.clients) peer.terminate()
      server.close()
    })
    await once(server, 'listening')
    return new WebSocketBridge(server, socketPath, options)
  }

  /** The bridge's end of the next connection. */
  async accept(): Promise<WebSocket> {
    return (await this.#connections.next()).value!
  }

  #carry(peer: WebSocket, path: string): void {
    const socket = connect(path)
    const outward = new Framer(Infinity)
    peer.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) return peer.close(4002)
      // A framer of its own for each message: a frame that goes on in the next one is none.
      const inward = new Framer(Infinity)
      let frames = 0
      inward.push(data, { frame: () => frames++ })
      this.framesPerMessage.push(inward.pendingBytes > 0 ? NaN : frames)
      socket.write(data)
    })
    peer.on('close', () => socket.end())
    peer.on('error', () => {})
    socket.on('data', chunk => outward.push(chunk, { frame: (bytes, start, end) => peer.send(bytes.subarray(start, end)) }))
    socket.on('close', () => peer.close(1000))
    socket.on('error', () => {})
  }
}
