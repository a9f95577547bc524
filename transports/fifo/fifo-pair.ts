// A pair of FIFOs for programs that can only open files: what they write comes to the broker, and its answers can be read.
//
//   program ─▶ name.in ─▶ link ─▶ broker ─▶ name.out ─▶ program
//
// One program at a time: its link begins with the first byte that it writes, and lasts, with the answers that come, until another
// one writes, be it the same that opened the file anew. A line that was not ended when the file was closed ends there.
// A process that makes way for another one leaves it the files: what it has not read yet is read there.

import { Socket, type SocketConstructorOpts } from 'node:net'
import type { Link, Listener, Log } from '../../broker/ground/types.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { ListeningSockets } from '../listening-sockets.ts'
import { FifoFiles } from './fifo-files.ts'
import { FifoLink, type FifoEnds } from './fifo-link.ts'

export interface FifoPairOptions {
  readonly name: string
  readonly directory: string
  /** The line by which each of its programs is let in. */
  readonly hello: Uint8Array
  readonly log: Log
  /** By which it learns that another process takes over, or was there before. */
  readonly sockets: ListeningSockets
  readonly onLink: (link: Link) => void
}

interface Write {
  readonly pieces: readonly Uint8Array[]
  readonly done: () => void
}

const READ_BYTES = 64 * 1024
const NOTHING = Buffer.alloc(0)
const LINE_END = Buffer.from('\n')

/** @throws BrokerError `fifo.failed` */
export function openFifoPair(options: FifoPairOptions): Promise<Listener> {
  try {
    return Promise.resolve(new FifoPair(options))
  } catch (error) {
    return Promise.reject(new BrokerError('fifo.failed', { name: options.name, problem: error instanceof Error ? error.message : String(error) }, { cause: error }))
  }
}

class FifoPair implements Listener, FifoEnds {
  readonly address: string
  readonly #options: FifoPairOptions
  readonly #unshare: () => void
  #files: FifoFiles
  #output: Socket
  #input: Socket
  #link: FifoLink | undefined
  /** Of this link, while what an earlier one wrote is not read: programs that read nothing leave no more than one write behind. */
  #waiting: Write | undefined
  /** Nobody has written since the last one closed the file. */
  #isFresh = true
  #lastByte = LINE_END[0]!
  /** By the link. */
  #isPaused = false
  #isSuspended = false
  #hasLeft = false
  #isClosed = false

  constructor(options: FifoPairOptions) {
    const { directory, name, sockets } = options
    this.#options = options
    this.#files = new FifoFiles(directory, name, sockets.isInherited)
    this.address = this.#files.input
    this.#output = this.#open()
    this.#input = this.#read()
    this.#unshare = sockets.share({ suspend: () => this.#suspend(), resume: () => this.#goOn(), leave: () => this.#leave() })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#unshare()
    this.#input.destroy()
    if (!this.#hasLeft) this.#files.remove()
    // What its program has not been told yet is told before.
    if (this.#link === undefined) this.#output.destroy()
  }

  write(pieces: readonly Uint8Array[], done: () => void): boolean {
    const output = this.#output
    if (output.writableLength > 0) {
      this.#waiting = { pieces, done }
      return false
    }
    output.cork()
    for (const piece of pieces) output.write(piece)
    output.uncork()
    if (output.writableLength === 0) return true
    output.write(NOTHING, (error) => (error ? undefined : this.#taken(done)))
    return false
  }

  pause(): void {
    this.#isPaused = true
    this.#steer()
  }

  resume(): void {
    this.#isPaused = false
    this.#steer()
  }

  left(link: FifoLink): void {
    if (link !== this.#link) return
    this.#link = undefined
    this.#waiting = undefined
    if (this.#isClosed) this.#output.destroy()
    // Read on, to pass it by.
    else this.resume()
  }

  #suspend(): void {
    this.#isSuspended = true
    this.#steer()
  }

  #leave(): void {
    this.#hasLeft = true
    this.#input.destroy()
  }

  // With other files where the process that was to take over has taken these away.
  #goOn(): void {
    this.#isSuspended = false
    try {
      if (!this.#files.areThere) this.#anew()
    } catch (error) {
      this.#options.log.error({ err: error, path: this.#files.input }, 'a FIFO is gone; it comes back with the next start')
    }
    this.#steer()
  }

  #anew(): void {
    const { directory, name } = this.#options
    const before = [this.#input, this.#output]
    this.#files = new FifoFiles(directory, name, false)
    this.#output = this.#open()
    this.#input = this.#read()
    for (const socket of before) socket.destroy()
    // Who has the old ones open reads their end, and opens them again.
    const link = this.#link
    this.#link = this.#waiting = undefined
    this.#isPaused = false
    this.#isFresh = true
    this.#lastByte = LINE_END[0]!
    link?.cutOff()
  }

  // A line that has begun is read to its end: nobody else has its first half.
  #steer(): void {
    if (this.#isPaused || (this.#isSuspended && this.#lastByte === LINE_END[0])) this.#input.pause()
    else this.#input.resume()
  }

  // The system has taken what was written.
  #taken(done: () => void): void {
    done()
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    if (this.write(waiting.pieces, waiting.done)) waiting.done()
  }

  #open(): Socket {
    const { output } = this.#files
    const socket = new Socket({ fd: this.#files.openOutput(), readable: false, writable: true })
    socket.on('error', (error) => this.#options.log.error({ err: error, path: output }, 'a FIFO failed'))
    return socket
  }

  // Into memory of our own: a socket that has it reads nothing more once it is paused, so what is left is the other process's.
  #read(): Socket {
    const callback = (bytes: number, buffer: Uint8Array): boolean => {
      this.#received(Buffer.from(buffer.subarray(0, bytes)))
      return true
    }
    const options: SocketConstructorOpts = { fd: this.#files.openInput(), readable: true, writable: false, onread: { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback } }
    const input = new Socket(options)
    input.on('end', () => this.#writerGone(input))
    input.on('error', (error) => this.#options.log.error({ err: error, path: this.#files.input }, 'a FIFO failed'))
    return input
  }

  #received(chunk: Buffer): void {
    if (this.#hasLeft || this.#isClosed) return
    this.#lastByte = chunk.at(-1)!
    if (this.#isSuspended) this.#steer()
    if (!this.#isFresh) return this.#link?.received(chunk)
    this.#isFresh = false
    const before = this.#link
    const link = (this.#link = new FifoLink(this.#options.name, this, this.#options.hello))
    this.#waiting = undefined
    before?.cutOff()
    link.received(chunk)
    this.#options.onLink(link)
  }

  #writerGone(input: Socket): void {
    if (this.#isClosed || this.#hasLeft || input !== this.#input) return
    if (this.#lastByte !== LINE_END[0] && !this.#isFresh) this.#link?.received(LINE_END)
    this.#isFresh = true
    this.#lastByte = LINE_END[0]!
    const before = this.#input
    // Opened before the old one is closed: what the next program has written already stays in the FIFO as long as it is open.
    try {
      this.#input = this.#read()
      this.#steer()
    } catch (error) {
      this.#options.log.error({ err: error, path: this.#files.input }, 'a FIFO is gone; it comes back with the next start')
    }
    before.destroy()
  }
}
