// A WebSocket client by hand: says what a test tells it to, right or wrong, and keeps what comes.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { MessageQueue } from '../../client/message-queue.ts'
import { closed } from './closed.ts'
import type { Teardown } from './temporary-directory.ts'
import { clientFrame, CLOSE, closePayload, readServerFrame, serverFrameBytes, type ReceivedFrame, type SentFrame } from './websocket-frames.ts'

/** How a server ended a connection: the close frame's code, 1005 when it had none, 1006 when there was no frame. */
export interface Ending {
  readonly code: number
  readonly reason: string
}

export class WebSocketPeer {
  readonly socket: Socket
  /** Status line and headers with which the upgrade was answered; empty where none was made. */
  head = ''
  readonly #frames = new MessageQueue<ReceivedFrame>()
  /** What came and is no whole frame yet; put together when it may be one. */
  #chunks: Buffer[] = []
  #chunkBytes = 0
  #neededBytes = 0
  #isUpgraded: boolean
  #ending: Ending = { code: 1006, reason: '' }

  private constructor(socket: Socket, isUpgraded: boolean) {
    this.socket = socket
    this.#isUpgraded = isUpgraded
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', () => {})
    socket.on('close', () => this.#frames.end())
  }

  /** On a port where WebSocket is spoken without a handshake. */
  static async direct(t: Teardown, port: number): Promise<WebSocketPeer> {
    return new WebSocketPeer(await open(t, port), true)
  }

  /** After the handshake; `lines` are headers beside those it needs, `name` is what it asks for in Host. */
  static async upgrade(t: Teardown, url: string, lines: readonly string[] = [], name?: string): Promise<WebSocketPeer> {
    const { hostname, port, host, pathname } = new URL(url)
    const peer = new WebSocketPeer(await open(t, Number(port), hostname), false)
    peer.socket.write(upgradeRequest({ host: name ?? host, path: pathname, lines }))
    while (peer.head === '') {
      const [name] = await Promise.race([once(peer.socket, 'data').then(() => ['data'], () => ['close']), closed(peer.socket).then(() => ['close'])])
      if (name === 'close' && peer.head === '') throw new Error('the server closed before it answered')
    }
    return peer
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  send(frame: SentFrame): void {
    this.write(clientFrame(frame))
  }

  close(code: number, reason?: string): void {
    this.send({ opcode: CLOSE, payload: closePayload(code, reason) })
  }

  /** The next frame that is no close frame; undefined when there are no more. */
  async next(): Promise<ReceivedFrame | undefined> {
    return (await this.#frames.next()).value ?? undefined
  }

  /** The next message, put together from its frames; pongs and pings are passed over. */
  async message(): Promise<Buffer> {
    const parts: Buffer[] = []
    for (;;) {
      const frame = await this.next()
      if (frame === undefined) throw new Error(`the server closed the connection with ${this.#ending.code} ${this.#ending.reason}`)
      if (frame.opcode >= CLOSE) continue
      parts.push(frame.payload)
      if (frame.fin) return Buffer.concat(parts)
    }
  }

  /** How the server ends it; what came before is passed over. */
  async ending(): Promise<Ending> {
    while ((await this.next()) !== undefined);
    return this.#ending
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#chunkBytes += chunk.length
    if (this.#chunkBytes < this.#neededBytes) return
    const rest = this.#read(Buffer.concat(this.#chunks))
    this.#chunks = [rest]
    this.#chunkBytes = rest.length
    this.#neededBytes = this.#isUpgraded ? serverFrameBytes(rest) : 0
  }

  // Hands over what is whole; gives what is not.
  #read(received: Buffer): Buffer {
    let bytes = received
    if (!this.#isUpgraded) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) return bytes
      this.head = bytes.toString('latin1', 0, end)
      this.#isUpgraded = true
      bytes = bytes.subarray(end + 4)
    }
    if (this.head !== '' && !this.head.startsWith('HTTP/1.1 101 ')) return bytes
    for (let read = readServerFrame(bytes); read !== undefined; read = readServerFrame(bytes)) {
      bytes = bytes.subarray(read.end)
      const { opcode, payload } = read.frame
      if (opcode !== CLOSE) this.#frames.push(read.frame)
      else this.#ending = { code: payload.length === 0 ? 1005 : payload.readUInt16BE(0), reason: payload.toString('utf8', 2) }
    }
    return bytes
  }
}

interface UpgradeRequest {
  /** default `/` */
  readonly path?: string
  readonly host: string
  readonly lines?: readonly string[]
}

/** The request that opens a WebSocket. */
export function upgradeRequest({ host, path = '/', lines = [] }: UpgradeRequest): string {
  return [`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, ...lines, '', ''].join('\r\n')
}

async function open(t: Teardown, port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host, noDelay: true })
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}
