// A link over a connected Unix socket. Moves bytes; knows no frames.

import type { Socket } from 'node:net'
import type { Link, LinkHandler, Peer } from '../../broker/ground/types.ts'
import { FairTurn, MEASURED_BYTES } from '../fair-turn.ts'

const NOTHING = Buffer.alloc(0)
const LINK = Symbol('link')

/** The socket knows its link: a lookup table costs more on every chunk. */
interface LinkedSocket extends Socket {
  [LINK]?: UnixLink
}

export class UnixLink implements Link {
  readonly peer: Peer
  readonly framing = 'stream'
  readonly wrap = undefined
  readonly #socket: Socket
  #isPaused = true
  /** Made with the first large chunk. */
  #turn: FairTurn | undefined
  #handler!: LinkHandler
  #problem: Error | undefined

  constructor(socket: Socket, peer: Peer) {
    this.#socket = socket
    this.peer = peer
    const linked: LinkedSocket = socket
    linked[LINK] = this
  }

  attach(handler: LinkHandler): void {
    this.#handler = handler
    if (this.#socket.listenerCount('data') > 0) return
    // Shared functions instead of closures: at ten thousand connections they are 2 KiB each.
    this.#socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
  }

  admitted(): void {}

  write(pieces: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return false
    if (pieces.length === 1) socket.write(pieces[0]!)
    else {
      socket.cork()
      for (const piece of pieces) socket.write(piece)
      socket.uncork()
    }
    // Node tries the write at once; what is left here, the kernel did not take.
    if (socket.writableLength === 0) return true
    // An empty write is done when all before it is. A callback on every write would cost each of them a tick.
    socket.write(NOTHING, (error) => {
      if (!error) this.#handler.written()
    })
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

  // The peer may still be writing: were the socket destroyed now, that would fail and take with it what it has not read.
  // So only this side ends; the socket goes when the peer's side ends too, or when its owner destroys it.
  close(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  arrived(chunk: Buffer): void {
    if (chunk.length < MEASURED_BYTES && this.#turn === undefined) this.received(chunk)
    else (this.#turn ??= new FairTurn()).read(this, this.#socket, chunk, receive, mayResume)
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  received(chunk: Buffer): void {
    this.#handler.received(chunk, false)
  }

  ended(): void {
    this.#handler.ended()
  }

  failed(problem: Error): void {
    this.#problem = problem
  }

  closed(): void {
    this.#handler.closed(this.#problem)
  }
}

function onData(this: LinkedSocket, chunk: Buffer): void {
  this[LINK]!.arrived(chunk)
}

function receive(link: UnixLink, chunk: Buffer): void {
  link.received(chunk)
}

function mayResume(link: UnixLink): boolean {
  return !link.isPaused
}

function onEnd(this: LinkedSocket): void {
  this[LINK]!.ended()
}

function onError(this: LinkedSocket, problem: Error): void {
  this[LINK]!.failed(problem)
}

function onClose(this: LinkedSocket): void {
  this[LINK]?.closed()
}
