// A WebSocket link over a socket that exists in memory alone: chunks go in as a test cuts them, and what the link's owner
// is told is kept.

import { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { BrokerError } from '../../broker/ground/errors.ts'
import type { LinkHandler } from '../../broker/ground/types.ts'
import type { Deflation } from '../../transports/websocket/deflation.ts'
import { outgoing } from '../../transports/websocket/outgoing.ts'
import { WebSocketLink, type WebSocketKind } from '../../transports/websocket/websocket-link.ts'
import { readServerFrame, type ReceivedFrame } from './websocket-frames.ts'

export interface Stretch {
  readonly bytes: Buffer
  readonly endsMessage: boolean
}

export class WebSocketRig implements LinkHandler {
  readonly link: WebSocketLink
  readonly stretches: Stretch[] = []
  /** The memory that was handed over, as it was. */
  readonly handed: Uint8Array[] = []
  problem: BrokerError | undefined
  isEnded = false
  #written = Buffer.alloc(0)

  constructor({ maxMessageBytes = 1024 * 1024, isAdmitted = false, isStream = false, deflation }: { maxMessageBytes?: number; isAdmitted?: boolean; isStream?: boolean; deflation?: Deflation } = {}) {
    const kind: WebSocketKind = { outgoing: outgoing(0), maxFrameBytes: 0, maxFirstMessageBytes: maxMessageBytes, isStream, links: new Set() }
    const socket = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.#written = Buffer.concat([this.#written, chunk])
        done()
      },
    })
    this.link = new WebSocketLink(socket as unknown as Socket, { address: 'memory', pid: undefined, uid: undefined }, kind, undefined, deflation)
    this.link.attach(this)
    if (isAdmitted) this.link.admitted(maxMessageBytes)
  }

  /** Frames that the link wrote, so far. */
  sent(): ReceivedFrame[] {
    const frames: ReceivedFrame[] = []
    let rest = this.#written
    for (let read = readServerFrame(rest); read !== undefined; read = readServerFrame(rest)) {
      frames.push(read.frame)
      rest = rest.subarray(read.end)
    }
    return frames
  }

  /** A chunk arrives, in memory of its own as sockets give it. */
  arrive(bytes: Uint8Array): void {
    this.link.received(Buffer.from(new Uint8Array(bytes).buffer))
  }

  /** The messages, where each was handed over by itself. */
  get messages(): Buffer[] {
    const messages: Buffer[] = []
    let parts: Buffer[] = []
    for (const { bytes, endsMessage } of this.stretches) {
      parts.push(bytes)
      if (!endsMessage) continue
      messages.push(Buffer.concat(parts))
      parts = []
    }
    return messages
  }

  received(chunk: Uint8Array, endsMessage: boolean): void {
    this.handed.push(chunk)
    this.stretches.push({ bytes: Buffer.from(new Uint8Array(chunk)), endsMessage })
  }

  written(): void {}

  ended(problem?: BrokerError): void {
    this.isEnded = true
    this.problem = problem
  }

  closed(): void {}
}
