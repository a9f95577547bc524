// A link over a socket that was upgraded to WebSocket. Moves messages; knows of their content no more than where native
// frames end.

import type { Socket } from 'node:net'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { Framing, Link, LinkHandler, Peer, Wrap } from '../../broker/ground/types.ts'
import { closeCode } from './close-code.ts'
import type { Deflation } from './deflation.ts'
import { Opcode } from './frame-header.ts'
import { FrameReader, type FrameSink } from './frame-reader.ts'
import type { Doorkeeper } from '../doorkeeper.ts'
import { FairTurn, MEASURED_BYTES } from '../fair-turn.ts'
import { listenTo, writePieces, type SocketLink } from '../linked-socket.ts'
import { controlFrame, type Outgoing } from './outgoing.ts'
import { Pongs } from './pongs.ts'
import { WsReceiver, type FrameReading } from './ws-receiver.ts'

/** What all links of a gateway share. */
export interface WebSocketKind {
  readonly outgoing: Outgoing
  /** 0: a message is one frame, however long. bytes */
  readonly maxFrameBytes: number
  /** Largest message of a client that is not let in yet. bytes */
  readonly maxFirstMessageBytes: number
  /** Messages are pieces of a stream, of any kind and size; off: the first message decides what all are. */
  readonly isStream: boolean
  /** Those that are open, for whoever looks after them. */
  readonly links: Set<WebSocketLink>
}

const NOTHING = Buffer.alloc(0)
/** Most frames of one message: each of them takes memory beside its bytes. Those who are not let in yet have no need to be so slow. */
const MAX_FRAGMENTS = 65_536
const MAX_FIRST_FRAGMENTS = 256
/** RFC 6455 7.4.1: what a close frame without a code is called; never sent. */
const NO_CODE = 1005

/** Reads the frames that stand for themselves, for all links. */
let shared: WsReceiver | undefined

export class WebSocketLink implements Link, SocketLink, FrameSink, FrameReading {
  readonly peer: Peer
  framing: Framing = 'text'
  /** False once nothing more is read: the other end closed, or broke the rules. */
  isOpen = true
  /** Something came since the last look, or could not, as it was not read. */
  wasHeard = true
  /** Since then nothing did. ms */
  silentMs = 0
  isPinged = false
  readonly #socket: Socket
  readonly #kind: WebSocketKind
  readonly #doorkeeper: Doorkeeper | undefined
  readonly #reader: FrameReader
  /** Set when compression was agreed on; used once the client was let in. */
  readonly #deflation: Deflation | undefined
  #handler!: LinkHandler
  /** Of a fragmented message; with compression, of all. */
  #receiver: WsReceiver | undefined
  #hasBegun = false
  #isPaused = true
  /** As much as it may keep is being inflated. */
  #isFull = false
  #isAdmitted = false
  /** Its close frame was written. */
  #hasClosed = false
  /** Nothing more is to be waited for from the other end. */
  #isPeerDone = false
  #peerCode = NO_CODE
  #pongs: Pongs | undefined
  #problem: Error | undefined
  /** Made with the first large chunk. */
  #turn: FairTurn | undefined

  /** `first`: what came behind the request to upgrade. */
  constructor(socket: Socket, peer: Peer, kind: WebSocketKind, doorkeeper?: Doorkeeper, deflation?: Deflation, first?: Uint8Array) {
    this.#socket = socket
    this.peer = peer
    this.#kind = kind
    this.#doorkeeper = doorkeeper
    this.#deflation = deflation
    this.#reader = new FrameReader(this, kind.isStream ? Number.MAX_SAFE_INTEGER : kind.maxFirstMessageBytes)
    if (kind.isStream) {
      this.framing = 'stream'
      this.#reader.isStream = true
    }
    if (first !== undefined && first.length > 0) socket.unshift(first)
  }

  get wrap(): Wrap | undefined {
    if (this.#isAdmitted && this.#deflation !== undefined) return undefined
    return this.framing === 'text' ? this.#kind.outgoing.text : this.#kind.outgoing.binary
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** The broker does not read it, or not before what came is inflated: it cannot be heard. */
  get isUnread(): boolean {
    return this.#isPaused || this.#isFull
  }

  attach(handler: LinkHandler): void {
    this.#handler = handler
    if (listenTo(this.#socket, this)) this.#kind.links.add(this)
  }

  admitted(maxFrameBytes: number): void {
    if (this.framing === 'stream') return this.#letIn()
    // Never less than before: clients put small frames together into messages, whatever the largest frame is.
    const maxMessageBytes = Math.max(maxFrameBytes, this.#kind.maxFirstMessageBytes)
    this.#letIn()
    this.#reader.maxMessageBytes = maxMessageBytes
    if (this.#deflation === undefined) {
      this.#reader.isMerging = true
      return
    }
    this.#reader.isLean = false
    this.#receiver = new WsReceiver(maxMessageBytes, MAX_FRAGMENTS, this.#deflation.incoming(maxMessageBytes))
    this.#receiver.onDrain(() => {
      this.#isFull = false
      if (!this.#isPaused) this.#socket.resume()
    })
  }

  write(pieces: readonly Uint8Array[]): boolean {
    if (this.#hasClosed || this.#socket.destroyed || this.#socket.writableEnded) return false
    if (!this.#isAdmitted || this.#deflation === undefined) return writePieces(this.#socket, pieces, this)
    const framed = this.#deflation.frames(pieces, this.framing === 'binary')
    if (!(framed instanceof Promise)) return writePieces(this.#socket, framed, this)
    framed.then(
      (frames) => {
        if (this.#socket.destroyed || writePieces(this.#socket, frames, this)) this.written()
      },
      (error: unknown) => this.#socket.destroy(BrokerError.from(error)),
    )
    return false
  }

  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#socket.resume()
  }

  /** Asks for a sign of life. */
  ping(): void {
    if (!this.#hasClosed && !this.#socket.writableEnded) this.#socket.write(controlFrame(Opcode.ping, NOTHING))
  }

  /** Closes with a code and the reason's name; the socket ends when the other end's close frame is there. */
  close(reason?: BrokerError): void {
    if (this.#hasClosed) return
    this.#pongs?.end()
    this.#hasClosed = true
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return
    socket.write(controlFrame(Opcode.close, this.#closeBody(reason)))
    if (this.#isPeerDone) socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** There is no room for it: the owner is told why, and says it to the other end. */
  turnAway(problem: BrokerError): void {
    // Where nobody took it, it is gone.
    if (!this.#socket.destroyed) this.#handler.ended(problem)
  }

  /** Ends because of something that was found: the owner is told why, and says it to the other end. */
  fail(error: BrokerError): void {
    if (!this.isOpen) return
    this.isOpen = false
    // Nothing that comes is understood any more: a close frame would not be either.
    this.#isPeerDone = true
    if (this.#hasClosed) this.#socket.end()
    else this.#handler.ended(error)
  }

  // FrameSink

  binary(stretch: Uint8Array, endsMessage: boolean): void {
    const isStream = this.framing === 'stream'
    // A frame without payload is no piece of a stream.
    if (isStream ? stretch.length === 0 : !this.#begins('binary')) return
    this.#pongs?.flush()
    if (!this.#hasClosed) this.#handler.received(stretch, endsMessage && !isStream)
  }

  frame(bytes: Uint8Array, isOwn: boolean): void {
    const opcode = bytes[0]! & 0x0f
    const isAlone = (bytes[0]! & 0x80) !== 0 && opcode !== Opcode.continuation
    if (this.#receiver === undefined && isAlone) {
      if (shared === undefined || shared.isSpent) shared = new WsReceiver(0, 1)
      shared.read(bytes, this)
      return
    }
    this.#receiver ??= new WsReceiver(this.#reader.maxMessageBytes, this.#isAdmitted ? MAX_FRAGMENTS : MAX_FIRST_FRAGMENTS)
    // It keeps what it was given, while the chunk around that goes back when its other messages are written.
    const goesOn = this.#receiver.read(isOwn ? bytes : Buffer.from(bytes), this)
    if (this.#isInflating) {
      if (goesOn) return
      this.#isFull = true
      this.#socket.pause()
    } else if ((bytes[0]! & 0x80) !== 0 && opcode < Opcode.close) this.#receiver = undefined
  }

  failed(error: BrokerError): void {
    this.fail(error)
  }

  // FrameReading

  message(bytes: Uint8Array, isBinary: boolean): void {
    if (!this.isOpen || !this.#begins(isBinary ? 'binary' : 'text')) return
    this.#pongs?.flush()
    if (!this.#hasClosed) this.#handler.received(bytes, true)
  }

  pinged(payload: Uint8Array): void {
    if (!this.#hasClosed) (this.#pongs ??= new Pongs(this.#socket)).add(payload)
  }

  concluded(code: number): void {
    this.#pongs?.flush()
    this.isOpen = false
    this.#isPeerDone = true
    this.#peerCode = code
    if (this.#hasClosed) this.#socket.end()
    else this.#handler.ended()
  }

  broken(error: BrokerError): void {
    this.fail(error)
  }

  // SocketLink

  arrived(chunk: Buffer): void {
    // What is inflated is read when there is room for it.
    if (this.#isInflating || (chunk.length < MEASURED_BYTES && this.#turn === undefined)) this.received(chunk)
    else (this.#turn ??= new FairTurn()).read(this, this.#socket, chunk)
  }

  received(chunk: Buffer): void {
    this.wasHeard = true
    this.#reader.read(chunk)
    this.#pongs?.flush()
  }

  written(): void {
    this.#handler.written()
  }

  peerEnded(): void {
    if (this.#isInflating) this.#receiver!.whenRead(() => this.#peerEnded())
    else this.#peerEnded()
  }

  brokeOff(problem: Error): void {
    this.#problem = problem
  }

  closed(): void {
    this.isOpen = false
    this.#kind.links.delete(this)
    this.#deflation?.close()
    this.#handler.closed(this.#problem)
  }

  get #isInflating(): boolean {
    return this.#isAdmitted && this.#deflation !== undefined
  }

  #letIn(): void {
    this.#isAdmitted = true
    this.#doorkeeper?.admitted()
  }

  #peerEnded(): void {
    this.#isPeerDone = true
    if (this.#hasClosed) this.#socket.end()
    else if (this.isOpen) {
      this.isOpen = false
      this.#handler.ended()
    }
  }

  // The first message decides of which kind all are.
  #begins(framing: 'text' | 'binary'): boolean {
    if (!this.#hasBegun) {
      this.#hasBegun = true
      this.framing = framing
    } else if (framing !== this.framing) {
      this.fail(new BrokerError('frame.unsupported', { feature: `a ${framing} message on a connection that began with ${this.framing}` }))
      return false
    }
    return true
  }

  #closeBody(reason: BrokerError | undefined): Uint8Array {
    if (reason === undefined && this.#isPeerDone) return this.#peerCode === NO_CODE ? NOTHING : codeBytes(this.#peerCode, '')
    return codeBytes(closeCode(reason), reason?.code ?? '')
  }
}

function codeBytes(code: number, text: string): Buffer {
  const body = Buffer.alloc(2 + Buffer.byteLength(text))
  body.writeUInt16BE(code)
  body.write(text, 2)
  return body
}
