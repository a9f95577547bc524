// A pair of FIFOs for programs that can only open files: what they write comes to the broker, and its answers can be read.
//
//   program ─▶ name.in ─▶ link ─▶ broker ─▶ name.out ─▶ program
//
// One program at a time: its link begins with the first byte that it writes, and lasts, with the answers that come, until another
// one writes, be it the same that opened the file anew. A line that was not ended when the file was closed ends there.

import { Socket } from 'node:net'
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
  readonly sockets: Pick<ListeningSockets, 'place'>
  readonly onLink: (link: Link) => void
}

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
  readonly #forget: () => void
  #files: FifoFiles
  #output: Socket
  #input: Socket
  #link: FifoLink | undefined
  /** Nobody has written since the last one closed the file. */
  #isFresh = true
  #lastByte = LINE_END[0]!
  #isClosed = false

  constructor(options: FifoPairOptions) {
    const { directory, name, sockets } = options
    this.#options = options
    this.#files = new FifoFiles(directory, name)
    this.address = this.#files.input
    this.#output = this.#write()
    this.#input = this.#read()
    this.#forget = sockets.place(() => this.#restore())
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#forget()
    this.#input.destroy()
    this.#files.remove()
    // What its program has not been told yet is told before.
    if (this.#link === undefined) this.#output.destroy()
  }

  write(pieces: readonly Uint8Array[], done: () => void): boolean {
    const output = this.#output
    output.cork()
    for (const piece of pieces) output.write(piece)
    output.uncork()
    if (output.writableLength === 0) return true
    output.write(NOTHING, (error) => (error ? undefined : done()))
    return false
  }

  pause(): void {
    this.#input.pause()
  }

  resume(): void {
    this.#input.resume()
  }

  left(link: FifoLink): void {
    if (link !== this.#link) return
    this.#link = undefined
    if (this.#isClosed) this.#output.destroy()
    // Read on, to pass it by.
    else this.#input.resume()
  }

  // After an upgrade that failed the pair of the process that was to be the next stands there, and nobody serves it.
  #restore(): void {
    if (this.#files.areThere) return
    const { directory, name, log } = this.#options
    // Who has the old ones open reads their end, and opens them again.
    const before = this.#link
    this.#link = undefined
    before?.cutOff()
    this.#input.destroy()
    this.#output.destroy()
    try {
      this.#files = new FifoFiles(directory, name)
      this.#output = this.#write()
      this.#input = this.#read()
    } catch (error) {
      log.error({ err: error, path: this.#files.input }, 'a FIFO is gone; it comes back with the next start')
    }
    this.#isFresh = true
    this.#lastByte = LINE_END[0]!
  }

  #write(): Socket {
    const output = new Socket({ fd: this.#files.openOutput(), readable: false, writable: true })
    output.on('error', (error) => this.#options.log.error({ err: error, path: this.#files.output }, 'a FIFO failed'))
    return output
  }

  #read(): Socket {
    const input = new Socket({ fd: this.#files.openInput(), readable: true, writable: false })
    input.on('data', (chunk: Buffer) => this.#received(chunk))
    input.on('end', () => this.#writerGone())
    input.on('error', (error) => this.#options.log.error({ err: error, path: this.#files.input }, 'a FIFO failed'))
    return input
  }

  #received(chunk: Buffer): void {
    this.#lastByte = chunk.at(-1)!
    if (!this.#isFresh) return this.#link?.received(chunk)
    this.#isFresh = false
    const before = this.#link
    const link = (this.#link = new FifoLink(this.#options.name, this, this.#options.hello))
    before?.cutOff()
    link.received(chunk)
    this.#options.onLink(link)
  }

  #writerGone(): void {
    if (this.#isClosed) return
    if (this.#lastByte !== LINE_END[0] && !this.#isFresh) this.#link?.received(LINE_END)
    this.#isFresh = true
    this.#lastByte = LINE_END[0]!
    const before = this.#input
    if (this.#files.isInputReplaced) return void before.destroy()
    // Opened before the old one is closed: what the next program has written already stays in the FIFO as long as it is open.
    try {
      this.#input = this.#read()
    } catch (error) {
      this.#options.log.error({ err: error, path: this.#files.input }, 'a FIFO is gone; it comes back with the next start')
    }
    before.destroy()
  }
}
