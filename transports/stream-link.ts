// A link over a connected socket that carries a stream of bytes, whatever the socket's kind. Knows no frames.

import type { Socket } from 'node:net'
import type { BrokerError } from '../broker/ground/errors.ts'
import type { LinkMemory } from '../broker/ground/shared-memory.ts'
import type { Link, LinkHandler, Peer, Wrap } from '../broker/ground/types.ts'
import { FairTurn, MEASURED_BYTES } from './fair-turn.ts'
import { listenTo, writePieces, type SocketLink } from './linked-socket.ts'

export class StreamLink implements Link, SocketLink {
  readonly peer: Peer
  readonly framing = 'stream'
  readonly memory: LinkMemory | undefined = undefined
  protected socket: Socket
  protected handler!: LinkHandler
  #isPaused = true
  /** Made with the first large chunk. */
  #turn: FairTurn | undefined
  #problem: Error | undefined

  constructor(socket: Socket, peer: Peer) {
    this.socket = socket
    this.peer = peer
  }

  get wrap(): Wrap | undefined {
    return undefined
  }

  attach(handler: LinkHandler): void {
    this.handler = handler
    listenTo(this.socket, this)
  }

  admitted(_maxMessageBytes: number): void {}

  write(pieces: readonly Uint8Array[]): boolean {
    const { socket } = this
    if (socket.destroyed || socket.writableEnded) return false
    return writePieces(socket, pieces, this)
  }

  pause(): void {
    this.#isPaused = true
    this.steer()
  }

  resume(): void {
    this.#isPaused = false
    this.steer()
  }

  /** Has the socket be read or not, as the owner last said. */
  protected steer(): void {
    if (this.#isPaused) this.socket.pause()
    else this.socket.resume()
  }

  // The peer may still be writing: were the socket destroyed now, that would fail and take with it what it has not read.
  // So only this side ends; the socket goes when the peer's side ends too, or when its owner destroys it.
  close(_reason?: BrokerError): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  arrived(chunk: Buffer): void {
    if (chunk.length < MEASURED_BYTES && this.#turn === undefined) this.received(chunk)
    else (this.#turn ??= new FairTurn()).read(this, this.socket, chunk)
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  received(chunk: Buffer): void {
    this.handler.received(chunk, false)
  }

  written(): void {
    this.handler.written()
  }

  peerEnded(): void {
    this.handler.ended()
  }

  brokeOff(problem: Error): void {
    this.#problem = problem
  }

  closed(): void {
    this.handler.closed(this.#problem)
  }
}
