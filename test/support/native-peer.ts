// A client of native frames by hand: says what a test tells it to, right or wrong, and keeps what comes.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { decode, encode } from '@msgpack/msgpack'
import type { ErrorBody } from '../../broker/ground/errors.ts'
import { encodePayload } from '../../broker/ground/payload.ts'
import { decodeFrame, encodeFrame, type Frame, type FrameInit } from '../../broker/wire/frame.ts'
import { Framer } from '../../broker/wire/framer.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { Welcome } from '../../client/index.ts'
import { MessageQueue } from '../../client/message-queue.ts'
import type { Teardown } from './temporary-directory.ts'

const MAX_FRAME_BYTES = 64 * 1024 * 1024

export class NativePeer {
  readonly socket: Socket
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
  /** Of the handshake that `join` made. */
  welcome!: Welcome
  readonly #frames = new MessageQueue<Frame>()
  #lastId = 0

  private constructor(socket: Socket) {
    this.socket = socket
    const framer = new Framer(MAX_FRAME_BYTES)
    socket.on('data', (chunk: Buffer) => framer.push(chunk, { frame: (bytes, start, end) => this.#frames.push(decodeFrame(bytes, start, end)) }))
    // The broker may cut it while the test still writes.
    socket.on('error', () => {})
    // Not once(): that rejects when the connection breaks.
    this.closed = new Promise(resolve => {
      socket.on('close', () => resolve(this.#frames.end()))
    })
  }

  /** Connected, nothing said. */
  static async open(t: Teardown, path: string): Promise<NativePeer> {
    const socket = connect(path)
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return new NativePeer(socket)
  }

  /** After the handshake with the plain token; `hello` adds to the body or replaces of it. */
  static async join(t: Teardown, path: string, token: string, hello: object = {}): Promise<NativePeer> {
    const peer = await NativePeer.open(t, path)
    peer.control(Kind.hello, { protocol: { min: 1, max: 1 }, auth: { token }, ...hello })
    peer.welcome = decode((await peer.nextOf(Kind.welcome)).payload) as Welcome
    return peer
  }

  /** The next frame; fails when the connection ended first. */
  async next(): Promise<Frame> {
    const { value } = await this.#frames.next()
    if (value === undefined) throw new Error('the broker closed the connection')
    return value
  }

  /** The next frame, which must be of that kind. */
  async nextOf(kind: number): Promise<Frame> {
    const frame = await this.next()
    if (frame.kind !== kind) throw new Error(`expected a frame of kind ${kind}, got ${frame.kind}: ${Buffer.from(frame.payload).toString('latin1')}`)
    return frame
  }

  /** The code of the next frame, which must be an error. */
  async nextError(): Promise<ErrorBody> {
    return bodyOf(await this.nextOf(Kind.error))
  }

  /** Sends one frame under the next id, unless `frame` names one; gives the id. */
  send(frame: FrameInit): number {
    const id = frame.id ?? this.#lastId + 1
    this.#lastId = Math.max(this.#lastId, id)
    this.write(encodeFrame({ ...frame, id }))
    return id
  }

  control(kind: number, body?: unknown, more: Partial<FrameInit> = {}): number {
    return this.send({ kind, ...(body === undefined ? {} : { payload: encode(body) }), ...more })
  }

  publish(subject: string, value: unknown, more: Partial<FrameInit> = {}): number {
    const { type, bytes } = encodePayload(value)
    return this.send({ kind: Kind.publish, subject, payload: bytes, ...more, flags: type | (more.flags ?? 0) })
  }

  request(subject: string, value: unknown, more: Partial<FrameInit> = {}): number {
    return this.publish(subject, value, { kind: Kind.request, ...more })
  }

  /** Subscribes and waits until the broker has confirmed. */
  async subscribe(number: number, pattern: string, more: object = {}): Promise<void> {
    this.control(Kind.subscribe, { pattern, ...more }, { ref: number })
    await this.nextOf(Kind.ok)
  }

  /** Bytes as they are. */
  write(bytes: Uint8Array): boolean {
    return this.socket.write(bytes)
  }

  /** Resolves when what was written has left this process; fails when the connection ended first. */
  async drained(): Promise<void> {
    if (this.socket.writableLength > 0) await Promise.race([once(this.socket, 'drain').catch(() => {}), this.closed])
    if (this.socket.destroyed) throw new Error('the broker closed the connection')
  }

  /** How the broker ends it: the code of its goodbye, or `cut` when it says none. What came before is passed over. */
  async ending(): Promise<string> {
    let code = 'cut'
    for (;;) {
      const { value } = await this.#frames.next()
      if (value === undefined) return code
      if (value.kind === Kind.goodbye) code = bodyOf(value).code
    }
  }

  destroy(): void {
    this.socket.destroy()
  }
}

function bodyOf(frame: Frame): ErrorBody {
  return decode(frame.payload) as ErrorBody
}
