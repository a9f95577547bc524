// Answers every request with one pre-encoded response; reads of a request only what the answer must repeat.

import type { ExchangeWorkload } from '../workloads.ts'
import { Chunk } from './chunk.ts'
import type { Copied, Dialect, Encoded } from './dialect.ts'
import { writeMessages, type Line } from './line.ts'

export class Responder {
  /** Requests seen so far. */
  requests = 0
  readonly #line: Line
  readonly #noise: Uint8Array
  readonly #requestBytes: number
  #chunk: Chunk
  readonly #copied: readonly Copied[]
  readonly #isBatched: boolean
  #nextNumber: number
  #rest: Uint8Array = new Uint8Array(0)

  constructor(line: Line, dialect: Dialect, request: Encoded, response: Encoded & { readonly copied: readonly Copied[] }, workload: ExchangeWorkload) {
    this.#line = line
    this.#noise = dialect.noise
    this.#requestBytes = request.deliveredBytes
    this.#chunk = new Chunk(Array<Uint8Array>(workload.inFlight).fill(response.bytes), response.numbering, line.isMasked ? 'each' : 'bare')
    this.#copied = response.copied
    this.#isBatched = workload.isBatched
    this.#nextNumber = dialect.firstNumber(line)
  }

  received(bytes: Uint8Array): void {
    const whole = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let at = 0
    let count = 0
    while (at + this.#requestBytes <= whole.length || this.#noiseAt(whole, at)) {
      if (this.#noiseAt(whole, at)) {
        at += this.#noise.length
        continue
      }
      this.#answer(whole, at, count++)
      at += this.#requestBytes
      if (count === this.#chunk.messages) {
        this.#send(count)
        count = 0
      }
    }
    if (count > 0) this.#send(count)
    this.#rest = at === whole.length ? whole.subarray(0, 0) : Buffer.from(whole.subarray(at))
  }

  #noiseAt(bytes: Uint8Array, at: number): boolean {
    return this.#noise.length > 0 && at + this.#noise.length <= bytes.length && bytes[at] === this.#noise[0]
  }

  #answer(request: Uint8Array, at: number, index: number): void {
    for (const { from, to, bytes } of this.#copied) this.#chunk.patch(index, to, request, at + from, bytes)
  }

  #send(count: number): void {
    this.requests += count
    this.#chunk.renumber(this.#nextNumber, count)
    this.#nextNumber += count
    this.#chunk = writeMessages(this.#line, this.#chunk, count, this.#isBatched)
  }
}
