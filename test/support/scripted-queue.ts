// The broker's side of a queue, played by a test: a consumer of it, its credit, and what it says of its messages.

import { decode, encode } from '@msgpack/msgpack'
import { decodeFrame, type Frame, type FrameInit } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { ScriptedConnection } from './scripted-broker.ts'

/** The body of a settle frame; forwarded frames are decoded. */
export interface SettleBody {
  readonly ack?: readonly number[]
  readonly working?: readonly number[]
  readonly release?: readonly number[]
  readonly nak?: readonly unknown[]
  readonly term?: readonly unknown[]
  readonly forward?: readonly (readonly [number, number, readonly Uint8Array[]])[]
}

/** One consumer as the broker sees it. Frames are read in order; each call says which comes next. */
export class ScriptedQueue {
  readonly number: number
  readonly #peer: ScriptedConnection

  private constructor(number: number, peer: ScriptedConnection) {
    this.number = number
    this.#peer = peer
  }

  /** The next frame announces a consumer, which is confirmed. Its first pull is the next one. */
  static async announced(peer: ScriptedConnection, ackWaitMs = 30_000): Promise<ScriptedQueue> {
    const frame = await peer.nextOf(Kind.subscribe)
    const body = decode(frame.payload) as object
    if (JSON.stringify(body) !== '{"pattern":"jobs","consume":true}') throw new Error(`not a consumer of jobs: ${JSON.stringify(body)}`)
    peer.ok(frame, { ackWaitMs })
    return new ScriptedQueue(frame.ref, peer)
  }

  lease(position: number, value: unknown, more: Partial<FrameInit> = {}): void {
    this.#peer.lease(this.number, position, value, more)
  }

  /** The next frame asks for so many. */
  async pulled(): Promise<number> {
    const frame = await this.#peer.nextOf(Kind.pull)
    this.#isMine(frame)
    return (decode(frame.payload) as { messages: number }).messages
  }

  /** The next frame settles; it is not answered yet. */
  async settling(): Promise<{ readonly frame: Frame; readonly body: SettleBody }> {
    const frame = await this.#peer.nextOf(Kind.settle)
    this.#isMine(frame)
    return { frame, body: decode(frame.payload) as SettleBody }
  }

  /** The next frame settles, and is confirmed but for what is lost. */
  async settled(lost: readonly number[] = []): Promise<SettleBody> {
    const { frame, body } = await this.settling()
    this.#peer.ok(frame, lost.length === 0 ? undefined : { lost })
    return body
  }

  /** The next frame ends the consumer; it is not confirmed yet. */
  async ending(): Promise<Frame> {
    const frame = await this.#peer.nextOf(Kind.unsubscribe)
    this.#isMine(frame)
    return frame
  }

  #isMine({ ref }: Frame): void {
    if (ref !== this.number) throw new Error(`it concerns consumer ${ref}, not ${this.number}`)
  }
}

/** What a forwarded frame says: its subject, headers and value as MessagePack or text. */
export function forwarded(bytes: Uint8Array): Frame {
  return decodeFrame(bytes, 0, bytes.length)
}

/** The payload of a receipt. */
export function receiptBody(body: object): Uint8Array {
  return encode(body)
}
