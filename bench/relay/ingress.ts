// Cuts what one connection sends into runs for the same lane. Knows where the fields stand, checks nothing.

import { Kind, LENGTH_BYTES, Offset } from '../../broker/wire/layout.ts'
import type { Lane, Outbound } from './lane.ts'

/** Where frames can go. */
export interface Directory {
  /** Who subscribed exactly this subject, if anybody did. */
  bySubject(subject: string): Lane | undefined
  /** The connection with this number. */
  byOrigin(origin: number): Lane | undefined
}

/**
 * Forwards whole frames as they came; neighbours with the same destination in one chunk leave as one piece.
 * Only requests are touched: `origin` is stamped, because answers are routed by it.
 */
export class Ingress {
  readonly #origin: number
  readonly #directory: Directory
  readonly #outbound: Pick<Outbound, 'append'>
  readonly #control: (bytes: Uint8Array, start: number, end: number) => void
  readonly #lastSubject = Buffer.alloc(256)
  #lastLane: Lane | undefined
  #lastTo = 0
  #lastToLane: Lane | undefined
  #rest: Uint8Array | undefined
  #restBytes = 0

  constructor(origin: number, directory: Directory, outbound: Pick<Outbound, 'append'>, control: (bytes: Uint8Array, start: number, end: number) => void) {
    this.#origin = origin
    this.#directory = directory
    this.#outbound = outbound
    this.#control = control
  }

  receive(chunk: Uint8Array): void {
    const begin = this.#rest === undefined ? 0 : this.#finishRest(chunk)
    const restAt = this.#forward(chunk, begin)
    if (restAt < chunk.length) this.#keepRest(chunk.subarray(restAt))
  }

  /** Forgets what it remembers of the directory; called when subscriptions changed. */
  forget(): void {
    this.#lastLane = undefined
    this.#lastToLane = undefined
    this.#lastSubject[0] = 0
  }

  // Returns where the first incomplete frame begins.
  #forward(chunk: Uint8Array, begin: number): number {
    const length = chunk.length
    let at = begin
    let runAt = begin
    let lane: Lane | undefined
    while (at + LENGTH_BYTES <= length) {
      const end = at + LENGTH_BYTES + ((chunk[at]! << 24) | (chunk[at + 1]! << 16) | (chunk[at + 2]! << 8) | chunk[at + 3]!)
      if (end > length) break
      const kind = chunk[at + Offset.kind]!
      let next: Lane | undefined
      if (kind === Kind.publish) next = this.#subjectLane(chunk, at + Offset.subjectLength)
      else if (kind === Kind.response) next = this.#originLane(chunk, at + Offset.to)
      else if (kind === Kind.request) {
        putUint32(chunk, at + Offset.origin, this.#origin)
        next = this.#subjectLane(chunk, at + Offset.longSubjectLength)
      }
      if (next !== lane) {
        if (lane !== undefined) this.#outbound.append(lane, chunk.subarray(runAt, at))
        lane = next
        runAt = at
      }
      if (kind >= Kind.hello) this.#control(chunk, at, end)
      at = end
    }
    if (lane !== undefined) this.#outbound.append(lane, runAt === 0 && at === length ? chunk : chunk.subarray(runAt, at))
    return at
  }

  // A compare with the last subject costs 20 ns, making a string and asking a Map 101 ns.
  #subjectLane(chunk: Uint8Array, lengthAt: number): Lane | undefined {
    const last = this.#lastSubject
    const length = chunk[lengthAt]!
    let i = 0
    while (i <= length && last[i] === chunk[lengthAt + i]) i++
    if (i > length) return this.#lastLane
    last.set(chunk.subarray(lengthAt, lengthAt + 1 + length))
    this.#lastLane = this.#directory.bySubject(last.toString('utf8', 1, 1 + length))
    return this.#lastLane
  }

  #originLane(chunk: Uint8Array, at: number): Lane | undefined {
    const to = getUint32(chunk, at)
    if (to !== this.#lastTo || this.#lastToLane === undefined) {
      this.#lastTo = to
      this.#lastToLane = this.#directory.byOrigin(to)
    }
    return this.#lastToLane
  }

  #keepRest(bytes: Uint8Array): void {
    const frameBytes = bytes.length >= LENGTH_BYTES ? LENGTH_BYTES + getUint32(bytes, 0) : LENGTH_BYTES
    this.#rest = Buffer.allocUnsafe(frameBytes)
    this.#rest.set(bytes)
    this.#restBytes = bytes.length
  }

  // Completes the frame that an earlier chunk began; returns how much of `chunk` that took.
  #finishRest(chunk: Uint8Array): number {
    let at = 0
    for (;;) {
      const rest = this.#rest!
      const take = Math.min(rest.length - this.#restBytes, chunk.length - at)
      rest.set(chunk.subarray(at, at + take), this.#restBytes)
      this.#restBytes += take
      at += take
      if (this.#restBytes < rest.length) return at
      if (rest.length > LENGTH_BYTES) {
        this.#rest = undefined
        this.#forward(rest, 0)
        return at
      }
      this.#keepRest(rest)
    }
  }
}

function getUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
