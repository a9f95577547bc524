// Answers to pings: each of a few, and of more the last, as RFC 6455 5.5.3 allows. They leave between data frames; while
// something waits for the kernel, one waits behind it, so that a flood of pings from one who does not read takes no memory.

import type { Socket } from 'node:net'
import { Opcode } from './frame-header.ts'
import { controlFrame } from './outgoing.ts'

/** Pings of one chunk that are each answered. */
const MAX_PONGS = 32
const NOTHING = Buffer.alloc(0)

/** Made with the first ping: most links never get one. */
export class Pongs {
  readonly #socket: Socket
  /** Payloads of pings that were not answered yet. */
  #due: Uint8Array[] = []
  #isWaiting = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  add(payload: Uint8Array): void {
    // What waits beyond its chunk is a copy: the memory of the chunk is given back before.
    if (this.#isWaiting) this.#due = [Buffer.from(payload)]
    else if (this.#due.length < MAX_PONGS) this.#due.push(payload)
    else this.#due[MAX_PONGS - 1] = payload
  }

  /** Sends them, or the last of them later. */
  flush(): void {
    const due = this.#due
    if (due.length === 0 || this.#isWaiting) return
    this.#due = []
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return
    if (socket.writableLength === 0) {
      socket.write(Buffer.concat(due.map((payload) => controlFrame(Opcode.pong, payload))))
      return
    }
    this.#due = [Buffer.from(due.at(-1)!)]
    this.#isWaiting = true
    socket.write(NOTHING, () => {
      this.#isWaiting = false
      this.flush()
    })
  }

  /** The link closes: nothing may follow its close frame. */
  end(): void {
    this.flush()
    this.#due = []
    this.#isWaiting = true
  }
}
