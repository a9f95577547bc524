// Clients at the other end of memory links: what they send and what they got, as frames or envelopes.

import { encode } from '@msgpack/msgpack'
import type { Connection } from '../../broker/connection.ts'
import { decodePayload } from '../../broker/ground/payload.ts'
import { encodeFrame, decodeFrame, type Frame, type FrameInit } from '../../broker/wire/frame.ts'
import { Framer } from '../../broker/wire/framer.ts'
import { Flag, Kind, type PayloadType } from '../../broker/wire/layout.ts'
import type { MemoryLink } from './memory-link.ts'

/** A frame as it came; `body` is the payload of a frame of the broker's own, decoded. */
export interface ReceivedFrame extends Frame {
  readonly bytes: Uint8Array
  readonly body: unknown
}

class MemoryClient {
  readonly connection: Connection
  readonly link: MemoryLink
  /** Ends the turn: what the broker has for its clients is written. */
  readonly turn: () => void

  constructor(connection: Connection, link: MemoryLink, turn: () => void) {
    this.connection = connection
    this.link = link
    this.turn = turn
  }

  /** All that comes until nothing more does; the kernel may hold less than that at a time. */
  protected readAll(): Uint8Array {
    const chunks: Uint8Array[] = []
    do {
      this.turn()
      chunks.push(this.link.read())
    } while (chunks.at(-1)!.length > 0)
    return Buffer.concat(chunks)
  }
}

export class NativeClient extends MemoryClient {
  readonly #framer = new Framer(Infinity)
  #lastId = 0

  /** The id that the next frame gets. */
  get nextId(): number {
    return this.#lastId + 1
  }

  /** Ids go on above `id`, as in a session that was resumed. */
  continueAbove(id: number): void {
    this.#lastId = id
  }

  /** A frame with the next id, unless it has one. */
  frame(init: FrameInit): Uint8Array {
    this.#lastId = init.id ?? this.#lastId + 1
    return encodeFrame({ ...init, id: this.#lastId })
  }

  /** Sends one frame; returns its id. */
  send(init: FrameInit): number {
    this.link.arrive(this.frame(init))
    return this.#lastId
  }

  control(kind: number, ref: number, body?: unknown): number {
    return this.send({ kind, ref, ...(body === undefined ? {} : { payload: encode(body) }) })
  }

  publish(subject: string, payload = new Uint8Array(8)): number {
    return this.send({ kind: Kind.publish, subject, payload })
  }

  subscribe(number: number, pattern: string, options: { group?: string; filter?: string } = {}): void {
    this.control(Kind.subscribe, number, { pattern, ...options })
  }

  /** What came since the last call, after ending the turn. */
  frames(): ReceivedFrame[] {
    return this.parse(this.readAll())
  }

  /** The same, without what the broker answers control frames with. */
  messages(): ReceivedFrame[] {
    return this.frames().filter(({ kind }) => kind < Kind.hello)
  }

  /** Frames in bytes that were read by hand. */
  parse(chunk: Uint8Array): ReceivedFrame[] {
    const frames: ReceivedFrame[] = []
    this.#framer.push(chunk, {
      frame: (bytes, start, end) => {
        const frame = decodeFrame(bytes, start, end)
        const isOwn = frame.origin === 0 && frame.payload.length > 0
        frames.push({ ...frame, bytes: bytes.slice(start, end), body: isOwn ? decodePayload((frame.flags & Flag.payloadType) as PayloadType, frame.payload) : undefined })
      },
    })
    return frames
  }
}

export type Line = Readonly<Record<string, unknown>>

export class JsonClient extends MemoryClient {
  readonly #utf8 = new TextDecoder()
  #rest = ''

  send(...envelopes: readonly object[]): void {
    this.raw(envelopes.map(envelope => `${JSON.stringify(envelope)}\n`).join(''))
  }

  raw(text: string): void {
    this.link.arrive(new TextEncoder().encode(text))
  }

  /** What came since the last call, after ending the turn. */
  lines(): Line[] {
    return this.parse(this.readAll())
  }

  /** Lines in bytes that were read by hand. */
  parse(chunk: Uint8Array): Line[] {
    const lines = (this.#rest + this.#utf8.decode(chunk, { stream: true })).split('\n')
    this.#rest = lines.pop()!
    return lines.map(line => JSON.parse(line) as Line)
  }
}

/** A client on a link with messages: each envelope is one. */
export class GatewayClient extends JsonClient {
  /** The nonce that it was greeted with. */
  nonce = ''

  override send(...envelopes: readonly object[]): void {
    for (const envelope of envelopes) this.raw(JSON.stringify(envelope))
  }

  /** Sends one `req`; what it is answered with, and all events before that. */
  call(id: string | number, method: string, params?: unknown): Line[] {
    this.send({ type: 'req', id, method, ...(params === undefined ? {} : { params }) })
    return this.lines()
  }
}

/** Speaks the NATS protocol by hand. */
export class NatsMemoryClient extends MemoryClient {
  /** What it was told first. */
  info = ''

  raw(text: string | Uint8Array): void {
    this.link.arrive(typeof text === 'string' ? new TextEncoder().encode(text) : text)
  }

  /** What came since the last call, after ending the turn. */
  text(): string {
    return Buffer.from(this.readAll()).toString('latin1')
  }
}

/** The code of an error that the broker told in a frame. */
export function codeOf({ body }: { body: unknown }): string {
  return (body as { code: string }).code
}
