// The broker's end of a Unix socket, played by a test: it sees every frame and sends what the test says. Does the
// handshake by docs/protocol.md with Node's own hash, so that the client's is held against something else.

import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { decode, encode } from '@msgpack/msgpack'
import type { ErrorCode } from '../../broker/ground/errors.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { encodePayload } from '../../broker/ground/payload.ts'
import { decodeFrame, encodeFrame, type Frame, type FrameInit } from '../../broker/wire/frame.ts'
import { Framer } from '../../broker/wire/framer.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { MessageQueue } from '../../client/message-queue.ts'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'

export const TOKEN = 'a-token-of-the-tests'
const BROKER_NONCE = '00112233445566778899aabbccddeeff'

const welcomeBody = {
  protocol: 1,
  broker: 'scripted',
  incarnation: 7,
  origin: 1,
  client: 'tester',
  session: '0'.repeat(32),
  principal: 'owner',
  roles: ['admin'],
  // More time than a broker gives by default: a test that waits for an answer may have to wait for the machine as well.
  limits: { maxFrameBytes: 1_064_960, maxSubscriptions: 10_000, maxOpenRequests: 10_000, requestTimeoutMs: 60_000 },
  heartbeatMs: 0,
  retry: { enabled: true, maxRetries: 3, retryDelayMs: 5, backoffMultiplier: 1 },
}

export class ScriptedBroker {
  readonly socket: string
  readonly #server: Server
  readonly #connections = new MessageQueue<ScriptedConnection>()
  readonly #sockets = new Set<Socket>()
  #origin = 0

  constructor(socket: string, server: Server) {
    this.socket = socket
    this.#server = server
    server.on('connection', client => {
      this.#sockets.add(client)
      this.#connections.push(new ScriptedConnection(client, ++this.#origin))
    })
  }

  /** Listens until the test ends; default in a directory of its own. */
  static async start(t: Teardown, socket = join(temporaryDirectory(t), 'callboard.sock')): Promise<ScriptedBroker> {
    const server = createServer()
    const broker = new ScriptedBroker(socket, server)
    t.teardown(() => broker.stop())
    server.listen(socket)
    await once(server, 'listening')
    return broker
  }

  /** The next connection, before its handshake. */
  async accept(): Promise<ScriptedConnection> {
    const { value } = await this.#connections.next()
    return value!
  }

  /** The next connection, after its handshake; `overrides` replace members of the welcome. */
  async welcome(overrides: object = {}): Promise<ScriptedConnection> {
    const connection = await this.accept()
    await connection.shakeHands(overrides)
    return connection
  }

  /** Stops listening and ends every connection. */
  stop(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

export class ScriptedConnection {
  readonly origin: number
  readonly closed: Promise<unknown>
  /** The body of the hello, once it came. */
  hello: { readonly auth?: { readonly nonce?: string; readonly token?: string }; readonly principal?: string; readonly [key: string]: unknown } = {}
  readonly #socket: Socket
  readonly #frames = new MessageQueue<Frame>()
  /** Bytes of each received chunk. */
  readonly chunks: number[] = []

  constructor(socket: Socket, origin: number) {
    this.#socket = socket
    this.origin = origin
    const framer = new Framer(16 * 1024 * 1024)
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk.length)
      framer.push(chunk, { frame: (bytes, start, end) => this.#frames.push(decodeFrame(bytes, start, end)) })
    })
    // The test may end the connection while the client writes.
    socket.on('error', () => {})
    this.closed = new Promise(resolve => {
      socket.on('close', resolve)
    })
    socket.on('close', () => this.#frames.end())
  }

  /** The next frame; fails when the connection ended first. */
  async next(): Promise<Frame> {
    const { value } = await this.#frames.next()
    if (value === undefined) throw new Error('the client closed the connection')
    return value
  }

  /** The next frame, which must be of that kind. */
  async nextOf(kind: number): Promise<Frame> {
    const frame = await this.next()
    if (frame.kind !== kind) throw new Error(`expected a frame of kind ${kind}, got ${frame.kind}`)
    return frame
  }

  send(...frames: FrameInit[]): void {
    this.#socket.write(Buffer.concat(frames.map(frame => encodeFrame(frame))))
  }

  /** Stops reading. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** A message from connection 99. */
  publish(subject: string, value: unknown, more: Partial<FrameInit> = {}): void {
    this.send(message(Kind.publish, subject, value, more))
  }

  request(subject: string, value: unknown, more: Partial<FrameInit> = {}): void {
    this.send(message(Kind.request, subject, value, more))
  }

  /** A message of connection 99 on lease to the consumer `number`. */
  lease(number: number, position: number, value: unknown, more: Partial<FrameInit> = {}): void {
    this.send(message(Kind.leased, 'jobs', value, { to: number, ref: position, ...more }))
  }

  /** Answers `frame` with a value. */
  answer(frame: Frame, value: unknown, kind: number = Kind.response): void {
    this.send(message(kind, frame.subject, value, { to: kind === Kind.receipt ? 0 : this.origin, ref: frame.id }))
  }

  /** Refuses `frame`, as the broker does. */
  refuse(frame: Frame, code: ErrorCode, details: Record<string, string | number> = {}): void {
    this.send({ kind: Kind.error, ref: frame.id, payload: errorBody(code, details) })
  }

  ok(frame: Frame, body?: object): void {
    this.send({ kind: Kind.ok, ref: frame.id, ...(body === undefined ? {} : { payload: encode(body) }) })
  }

  goodbye(code: ErrorCode): void {
    this.send({ kind: Kind.goodbye, payload: errorBody(code, {}) })
    this.#socket.end()
  }

  /** Ends without a word. */
  destroy(): void {
    this.#socket.destroy()
  }

  async shakeHands(overrides: object): Promise<void> {
    this.hello = decode((await this.nextOf(Kind.hello)).payload) as ScriptedConnection['hello']
    const body = { ...welcomeBody, origin: this.origin, ...overrides }
    const { nonce } = this.hello.auth ?? {}
    if (nonce === undefined) return this.send({ kind: Kind.welcome, payload: encode(body) })
    this.send({ kind: Kind.challenge, payload: encode({ nonce: BROKER_NONCE, ttlMs: 10_000 }) })
    const { mac } = decode((await this.nextOf(Kind.proof)).payload) as { readonly mac: string }
    if (mac !== this.#mac('callboard-proof-v1', nonce)) return this.goodbye('auth.failed')
    this.send({ kind: Kind.welcome, payload: encode({ mac: this.#mac('callboard-welcome-v1', nonce), ...body }) })
  }

  #mac(label: string, nonce: string): string {
    return createHmac('sha256', TOKEN).update(`${label}\n${BROKER_NONCE}\n${nonce}\n${this.hello.principal ?? 'owner'}`).digest('hex')
  }
}

let lastId = 0

function message(kind: number, subject: string, value: unknown, more: Partial<FrameInit>): FrameInit {
  const { type, bytes } = encodePayload(value)
  return { kind, origin: 99, id: ++lastId, time: 1_000_000, subject, payload: bytes, ...more, flags: type | (more.flags ?? 0) }
}

function errorBody(code: ErrorCode, details: Record<string, string | number>): Uint8Array {
  return encode(new BrokerError(code, details).toBody())
}
