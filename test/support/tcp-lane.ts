// One direction of a proxied connection: carries bytes in order, late, slowly, or not at all. Knows nothing of the other
// direction.
//
//     from --data--> [ waiting: chunk due at t1, chunk due at t2 … ] --write--> to

import type { Socket } from 'node:net'

/** How a way behaves; changes take effect at once, for what waits as well. */
export interface Weather {
  /** Every byte is so much later. ms */
  delayMs: number
  /** And up to so much more, by chance; the order stays. ms */
  jitterMs: number
  /** Bytes per second; Infinity: no limit */
  bytesPerSecond: number
  /** Nothing passes: it waits, as what a network loses waits for the sender's next try. */
  isStalled: boolean
}

/** What waits here at most before the sender is not read any more, as in a kernel's buffers. bytes */
const MOST_WAITING_BYTES = 4 * 1024 * 1024
/** With a limited rate, pieces so small that the rate holds within some hundredths of a second. bytes */
const PIECE_BYTES = 4096

interface Waiting {
  readonly chunk: Buffer
  readonly dueMs: number
}

export class TcpLane {
  readonly #from: Socket
  readonly #to: Socket
  readonly #weather: Weather
  readonly #waiting: Waiting[] = []
  #lastDueMs = 0
  #freeAtMs = 0
  #timer: NodeJS.Timeout | undefined
  #hasEnded = false
  #isBlocked = false
  /** Bytes that arrived and were not passed on. */
  waitingBytes = 0

  constructor(from: Socket, to: Socket, weather: Weather) {
    this.#from = from
    this.#to = to
    this.#weather = weather
    from.on('data', (chunk: Buffer) => this.#take(chunk))
    from.on('end', () => {
      this.#hasEnded = true
      this.#turn()
    })
    to.on('drain', () => {
      this.#isBlocked = false
      this.#turn()
    })
  }

  /** The weather has changed. */
  changed(): void {
    this.#turn()
  }

  /** Carries nothing any more; what waits is lost. */
  close(): void {
    clearTimeout(this.#timer)
    this.#waiting.length = 0
    this.waitingBytes = 0
  }

  #take(chunk: Buffer): void {
    const { delayMs, jitterMs } = this.#weather
    const dueMs = Math.max(this.#lastDueMs, performance.now() + delayMs + Math.random() * jitterMs)
    this.#lastDueMs = dueMs
    this.#waiting.push({ chunk, dueMs })
    this.waitingBytes += chunk.length
    if (this.waitingBytes > MOST_WAITING_BYTES) this.#from.pause()
    this.#turn()
  }

  #turn(): void {
    clearTimeout(this.#timer)
    while (!this.#weather.isStalled && !this.#isBlocked) {
      const first = this.#waiting[0]
      if (first === undefined) {
        // The other end hears of the end after all that came before it.
        if (this.#hasEnded) this.#to.end()
        return
      }
      const nowMs = performance.now()
      const waitMs = Math.max(first.dueMs, this.#freeAtMs) - nowMs
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#turn(), waitMs)
        return
      }
      this.#carry(first, nowMs)
    }
  }

  #carry({ chunk, dueMs }: Waiting, nowMs: number): void {
    const { bytesPerSecond } = this.#weather
    const piece = bytesPerSecond === Infinity ? chunk : chunk.subarray(0, PIECE_BYTES)
    if (piece.length === chunk.length) this.#waiting.shift()
    else this.#waiting[0] = { chunk: chunk.subarray(piece.length), dueMs }
    if (bytesPerSecond !== Infinity) this.#freeAtMs = Math.max(this.#freeAtMs, nowMs - 10) + (piece.length * 1000) / bytesPerSecond
    this.waitingBytes -= piece.length
    this.#isBlocked = !this.#to.write(piece)
    if (this.waitingBytes <= MOST_WAITING_BYTES && this.#from.isPaused()) this.#from.resume()
  }
}
