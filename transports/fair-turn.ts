// Keeps one socket from having the process to itself: whose bytes take long is not read on before the others had their turn.
//
//   chunk   [slice][slice]▏rest            turn    [A A ▏B C]   [A A ▏B C]   …     A sends faster than it can be served
//            4 ms of A     ╰▶ next turn
//
// A kernel with much to give is read up to 32 times in a row, 2 MiB in all, before anybody else is looked at; where these are two
// hundred thousand wrong messages, that is seconds. Bytes that are worth little time, as native frames are, pass whole: a chunk
// is cut up only when the one before took long for its size.

import type { Socket } from 'node:net'

/** Chunks below this are not measured: there is no more behind them. bytes */
export const MEASURED_BYTES = 16 * 1024
/** Of a reader whose bytes take long. bytes */
const SLICE_BYTES = 4 * 1024
/** Time of one socket in one turn; the slice that takes it past this is its last one. ms */
const SHARE_MS = 4
/** The time per byte from which a chunk of 64 KiB would take more than the share. ms */
const COSTLY_MS_PER_BYTE = SHARE_MS / (64 * 1024)

/** Whose bytes they are. */
interface Reader {
  /** It wants none for now. */
  readonly isPaused: boolean
  received(chunk: Buffer): void
}

/** A socket's place among the others. Made once per link. */
export class FairTurn {
  readonly #now: () => number
  #turn = 0
  #spentMs = 0
  #isCostly = false
  #isWaiting = false

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /**
   * Has `reader` read what came on `socket`, and gives the rest back to the socket when the turn is over: it comes again in the
   * next one, unless the reader is paused then.
   */
  read(reader: Reader, socket: Socket, chunk: Buffer): void {
    if (chunk.length < MEASURED_BYTES && !this.#isCostly) return reader.received(chunk)
    this.#enter()
    let at = 0
    do {
      const end = this.#isCostly ? Math.min(chunk.length, at + SLICE_BYTES) : chunk.length
      const beganMs = this.#now()
      reader.received(end - at === chunk.length ? chunk : chunk.subarray(at, end))
      const tookMs = this.#now() - beganMs
      this.#spentMs += tookMs
      this.#isCostly = tookMs > (end - at) * COSTLY_MS_PER_BYTE
      at = end
    } while (at < chunk.length && this.#spentMs < SHARE_MS)
    if (this.#spentMs < SHARE_MS || socket.destroyed) return
    socket.pause()
    // A copy: what was read may be given back with the memory below it before the next turn.
    if (at < chunk.length) socket.unshift(Buffer.from(chunk.subarray(at)))
    if (this.#isWaiting) return
    this.#isWaiting = true
    atNextTurn(() => {
      this.#isWaiting = false
      if (!reader.isPaused) socket.resume()
    })
  }

  #enter(): void {
    const now = currentTurn()
    if (this.#turn === now) return
    this.#turn = now
    this.#spentMs = 0
  }
}

let turn = 0
let isCounted = false
let waiting: (() => void)[] = []

function currentTurn(): number {
  if (!isCounted) {
    isCounted = true
    setImmediate(nextTurn)
  }
  return turn
}

function atNextTurn(callback: () => void): void {
  waiting.push(callback)
}

function nextTurn(): void {
  turn++
  isCounted = false
  const callbacks = waiting
  waiting = []
  for (const callback of callbacks) callback()
}
