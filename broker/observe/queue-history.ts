// What happened to messages in queues, for `trace`: a ring that is made when the first queue is, and never grows.
//
// One entry covers a stretch of messages to which the same happened at about the same time, so a run that is stored, leased
// and acked takes three entries, whatever its length.

import type { QueueEvent } from '../ground/store.ts'

const names = ['stored', 'duplicate', 'leased', 'acked', 'nacked', 'termed', 'released', 'lost', 'forwarded', 'retry', 'dead-lettered', 'expired', 'dropped'] as const
export type QueueHistoryEvent = (typeof names)[number]

/** What happened to one message of a queue. */
export interface QueueHappening {
  readonly event: QueueHistoryEvent
  readonly timeMicros: number
  /** 0: it was before the first, or does not matter. */
  readonly attempt: number
  /** Number of the consumer's connection; 0: no connection's doing. */
  readonly connection: number
  readonly reason: string | undefined
}

/** Where a message of a publisher stands. */
export interface KeptMessage {
  /** The queue's number. */
  readonly queue: number
  readonly position: number
  readonly isDuplicate: boolean
  readonly timeMicros: number
}

const ENTRIES = 65_536
/** What happens within it is one entry. µs */
const STRETCH_MICROS = 1000
const codeOf = new Map<string, number>(names.map((name, code) => [name, code]))

// 45 bytes for each entry: 3 MiB.
class Ring {
  readonly events = new Uint8Array(ENTRIES)
  readonly queues = new Uint32Array(ENTRIES)
  readonly positions = new Float64Array(ENTRIES)
  readonly counts = new Uint32Array(ENTRIES)
  readonly attempts = new Uint32Array(ENTRIES)
  readonly connections = new Uint32Array(ENTRIES)
  readonly times = new Float64Array(ENTRIES)
  /** Of the publisher, where the event is `stored` or `duplicate`: its connection stands in `connections`. */
  readonly ids = new Float64Array(ENTRIES)
}

export class QueueHistory {
  readonly #wallMicros: () => number
  #made: Ring | undefined
  #next = 0
  /** The last entry of each event, which the next may go on. */
  readonly #last = new Float64Array(names.length).fill(-1)
  readonly #reasons = new Map<number, string>()

  constructor(wallMicros: () => number) {
    this.#wallMicros = wallMicros
  }

  /** Message `id` of `origin`, and those behind it, stand at `position` and behind it. */
  kept(queue: number, origin: number, id: number, position: number, count: number, isDuplicate: boolean): void {
    this.#add(isDuplicate ? 'duplicate' : 'stored', queue, position, count, 0, origin, undefined, id)
  }

  happened(queue: number, { event, position, attempt, reason }: QueueEvent): void {
    this.#add(event, queue, position, 1, attempt, 0, reason, 0)
  }

  /** Something else, to `count` messages from `position` on. `connection`: the consumer's. */
  add(event: QueueHistoryEvent, queue: number, position: number, count: number, attempt: number, connection: number, reason?: string): void {
    this.#add(event, queue, position, count, attempt, connection, reason, 0)
  }

  /** Where message `id` of `origin` stands, in each queue that it went to. */
  whereIs(origin: number, id: number): KeptMessage[] {
    const found: KeptMessage[] = []
    const ring = this.#made
    if (ring === undefined) return found
    for (let seq = this.#next - 1; seq >= this.#oldest; seq--) {
      const at = seq % ENTRIES
      if (ring.events[at]! > 1 || ring.connections[at] !== origin) continue
      const by = id - ring.ids[at]!
      if (by < 0 || by >= ring.counts[at]!) continue
      found.unshift({ queue: ring.queues[at]!, position: ring.positions[at]! + by, isDuplicate: ring.events[at] === 1, timeMicros: ring.times[at]! })
    }
    return found
  }

  /** What is known of the message at a position, oldest first. */
  of(queue: number, position: number): QueueHappening[] {
    const found: QueueHappening[] = []
    const ring = this.#made
    if (ring === undefined) return found
    for (let seq = this.#oldest; seq < this.#next; seq++) {
      const at = seq % ENTRIES
      const by = position - ring.positions[at]!
      if (ring.queues[at] !== queue || by < 0 || by >= ring.counts[at]!) continue
      const event = names[ring.events[at]!]!
      const isPublished = ring.events[at]! <= 1
      found.push({ event, timeMicros: ring.times[at]!, attempt: ring.attempts[at]!, connection: isPublished ? 0 : ring.connections[at]!, reason: this.#reasons.get(seq) })
    }
    return found
  }

  get #oldest(): number {
    return Math.max(0, this.#next - ENTRIES)
  }

  #add(event: QueueHistoryEvent, queue: number, position: number, count: number, attempt: number, connection: number, reason: string | undefined, id: number): void {
    const ring = (this.#made ??= new Ring())
    const code = codeOf.get(event)!
    const timeMicros = this.#wallMicros()
    if (reason === undefined && this.#goesOn(ring, code, queue, position, attempt, connection, timeMicros, id)) {
      ring.counts[this.#last[code]! % ENTRIES]! += count
      return
    }
    const seq = this.#next++
    const at = seq % ENTRIES
    this.#reasons.delete(seq - ENTRIES)
    ring.events[at] = code
    ring.queues[at] = queue
    ring.positions[at] = position
    ring.counts[at] = count
    ring.attempts[at] = attempt
    ring.connections[at] = connection
    ring.times[at] = timeMicros
    ring.ids[at] = id
    if (reason === undefined) this.#last[code] = seq
    else this.#reasons.set(seq, reason)
  }

  // The last entry of the event covers what stands right before it.
  #goesOn(ring: Ring, code: number, queue: number, position: number, attempt: number, connection: number, timeMicros: number, id: number): boolean {
    const last = this.#last[code]!
    if (last < this.#oldest) return false
    const at = last % ENTRIES
    return (
      ring.queues[at] === queue &&
      position === ring.positions[at]! + ring.counts[at]! &&
      ring.attempts[at] === attempt &&
      ring.connections[at] === connection &&
      (code > 1 || id === ring.ids[at]! + ring.counts[at]!) &&
      timeMicros - ring.times[at]! < STRETCH_MICROS
    )
  }
}
