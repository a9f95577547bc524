// The receiver of the package `ws`: control frames, fragmented messages, text, and whatever breaks the rules. It is given
// whole frames. What it says goes to whoever it reads for at that moment.
//
// A receiver weighs 2 KiB, and most links never need one between two frames: one reads the frames that stand for
// themselves for all links, and a link has its own only while it is in a fragmented message.

import * as ws from 'ws'
import type { Writable } from 'node:stream'
import { BrokerError } from '../../broker/ground/errors.ts'

/** What a receiver found. */
export interface FrameReading {
  message(bytes: Uint8Array, isBinary: boolean): void
  pinged(payload: Uint8Array): void
  /** The other end closes; 1005: without a code. */
  concluded(code: number): void
  broken(error: BrokerError): void
}

interface ReceiverOptions {
  readonly isServer: boolean
  readonly allowSynchronousEvents: boolean
  readonly maxFragments: number
  readonly maxPayload?: number
  readonly extensions?: Readonly<Record<string, unknown>>
}

const { Receiver } = ws as unknown as { readonly Receiver: new (options: ReceiverOptions) => Writable }

export class WsReceiver {
  readonly #receiver: Writable
  readonly #limitBytes: number
  readonly #maxFragments: number
  #reading: FrameReading | undefined

  /** `extensions`: those that were agreed on, each with what it needs; empty: none. */
  constructor(maxMessageBytes: number, maxFragments: number, extensions: Readonly<Record<string, unknown>> = {}) {
    this.#limitBytes = maxMessageBytes
    this.#maxFragments = maxFragments
    const receiver = new Receiver({ isServer: true, allowSynchronousEvents: true, maxFragments, maxPayload: maxMessageBytes, extensions })
    this.#receiver = receiver
    receiver.on('message', (bytes: Uint8Array, isBinary: boolean) => this.#reading?.message(bytes, isBinary))
    receiver.on('ping', (payload: Uint8Array) => this.#reading?.pinged(payload))
    receiver.on('conclude', (code: number) => this.#reading?.concluded(code))
    // Errors come a moment later; those of whole frames are looked for right after the write.
    receiver.on('error', (error: NodeJS.ErrnoException) => this.#fail(error))
  }

  /** True when it cannot read on: after an error, and after a close frame. */
  get isSpent(): boolean {
    return this.#receiver.errored !== null || this.#receiver.writableEnded
  }

  /** Bytes that wait, as something before them is being inflated. */
  get waitingBytes(): number {
    return this.#receiver.writableLength
  }

  /** Reads one whole frame for `reading`; false when it should get no more until `onDrain` was called. */
  read(frame: Uint8Array, reading: FrameReading): boolean {
    this.#reading = reading
    const goesOn = this.#receiver.write(frame)
    const { errored } = this.#receiver
    if (errored !== null) this.#fail(errored)
    // Whom it reads for is not to be kept beyond that; while something is inflated, it is not done.
    else if (this.#receiver.writableLength === 0) this.#reading = undefined
    return goesOn || this.#receiver.writableEnded
  }

  onDrain(listener: () => void): void {
    this.#receiver.on('drain', listener)
  }

  /** Calls back when all that was given is read. */
  whenRead(done: () => void): void {
    if (this.isSpent || this.#receiver.writableLength === 0) done()
    else this.#receiver.write(new Uint8Array(0), () => done())
  }

  #fail(error: NodeJS.ErrnoException): void {
    const reading = this.#reading
    this.#reading = undefined
    reading?.broken(this.#named(error))
  }

  #named(error: NodeJS.ErrnoException): BrokerError {
    const { code = '', message } = error
    if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' || code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH') return new BrokerError('websocket.too_large', { limitBytes: this.#limitBytes }, { cause: error })
    if (code === 'WS_ERR_TOO_MANY_BUFFERED_PARTS') return new BrokerError('websocket.protocol', { problem: `a message of more than ${this.#maxFragments} frames` }, { cause: error })
    if (code === 'WS_ERR_INVALID_UTF8') return new BrokerError('websocket.invalid_data', { problem: 'text that is not UTF-8' }, { cause: error })
    if (code.startsWith('WS_ERR_')) return new BrokerError('websocket.protocol', { problem: message.replace(/^Invalid WebSocket frame: /, '') }, { cause: error })
    return new BrokerError('websocket.invalid_data', { problem: `a compressed message that cannot be inflated (${message})` }, { cause: error })
  }
}
