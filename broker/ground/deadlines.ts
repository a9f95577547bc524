// Every deadline of the process in one wheel: connections, requests, restarts, shutdowns.
//
//   slot 0      1      2   …  511      a slot is a ring of deadlines; each holds the turn in which it is due
//     │      │      │
//    [d]⇄[d] [ ]    [d]
//
// One timer for all: XState cancels `after` timers by scanning every one in the system, and a Node timer per open
// request costs more than the request. Set and cancel are a few pointer writes.

import type { Clock } from './clock.ts'

const SLOTS = 512
/** Node fires a timer that is further away at once; a time-out of 2^32-1 ms is one that clients may ask for. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Something that is due at a time. The owner keeps it and may set it again after it fired or was cancelled. */
export class Deadline {
  readonly #onExpired: (() => void) | undefined
  /** Tick in which it is due; 0 while not set. */
  dueTick = 0
  next: Deadline = this
  previous: Deadline = this

  /** A subclass that has an `expire` of its own needs no function. */
  constructor(onExpired?: () => void) {
    this.#onExpired = onExpired
  }

  /** Called once when due, unless cancelled before. */
  expire(): void {
    this.#onExpired?.()
  }

  get isSet(): boolean {
    return this.dueTick !== 0
  }
}

/**
 * A timer wheel with ticks of `tickMs`. A deadline fires no earlier than asked and at most one tick (plus the event
 * loop's delay) later. The timer runs while something is set, and once more after the last was cancelled: taking it
 * back for each request would cost more than that wake-up.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #tickMs: number
  readonly #slots: Deadline[]
  readonly #onError: (error: unknown) => void
  /** Those that are being fired; what an expiry sets goes to a slot, never here. */
  readonly #due = new Deadline(() => {})
  #tick: number
  #startMs: number
  #count = 0
  #armedTick = 0
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, options: { tickMs?: number; onError: (error: unknown) => void }) {
    this.#clock = clock
    this.#tickMs = options.tickMs ?? 10
    this.#onError = options.onError
    this.#slots = Array.from({ length: SLOTS }, () => new Deadline(() => {}))
    this.#startMs = clock.monotonicMs()
    this.#tick = 1
  }

  /** How many deadlines are set. */
  get size(): number {
    return this.#count
  }

  /** Makes `deadline` due in `delayMs` (0 and more; Infinity is not a deadline), moving it when it was set already. */
  set(deadline: Deadline, delayMs: number): void {
    if (deadline.dueTick !== 0) this.cancel(deadline)
    // Never back: an expiry may set the only deadline within the tick that is being fired.
    if (this.#count === 0) this.#tick = Math.max(this.#tick, this.#tickNow() - 1)
    const dueMs = this.#clock.monotonicMs() - this.#startMs + Math.max(0, delayMs)
    deadline.dueTick = Math.max(this.#tick + 1, Math.ceil(dueMs / this.#tickMs) + 1)
    append(this.#slots[deadline.dueTick % SLOTS]!, deadline)
    this.#count++
    this.#arm(deadline.dueTick)
  }

  /** Takes `deadline` back; nothing happens when it is not set. */
  cancel(deadline: Deadline): void {
    if (deadline.dueTick === 0) return
    unlink(deadline)
    deadline.dueTick = 0
    this.#count--
  }

  /** How long it is until `deadline` is due, to the next tick; 0 when it is not set. ms */
  leftMs(deadline: Deadline): number {
    return Math.max(0, (deadline.dueTick - this.#tickNow()) * this.#tickMs)
  }

  /** Cancels everything and stops the timer. */
  close(): void {
    for (const head of [this.#due, ...this.#slots]) while (head.next !== head) this.cancel(head.next)
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #tickNow(): number {
    return Math.floor((this.#clock.monotonicMs() - this.#startMs) / this.#tickMs) + 1
  }

  // One timer, for the nearest slot that holds anything; an idle broker is not woken every tick.
  #arm(tick: number): void {
    if (this.#cancelTimer !== undefined) {
      if (this.#armedTick <= tick) return
      this.#cancelTimer()
    }
    this.#armedTick = tick
    const dueMs = (tick - 1) * this.#tickMs - (this.#clock.monotonicMs() - this.#startMs)
    this.#cancelTimer = this.#clock.after(Math.min(MAX_TIMER_MS, Math.max(1, Math.ceil(dueMs))), () => {
      this.#cancelTimer = undefined
      this.#advance()
      if (this.#count > 0) this.#arm(this.#nextTick())
    })
  }

  #nextTick(): number {
    for (let tick = this.#tick + 1; tick < this.#tick + SLOTS; tick++) {
      const head = this.#slots[tick % SLOTS]!
      if (head.next !== head) return tick
    }
    return this.#tick + SLOTS
  }

  #advance(): void {
    const now = this.#tickNow()
    // After a long sleep each slot is visited once, not once per missed tick.
    const from = Math.max(this.#tick + 1, now - SLOTS + 1)
    this.#tick = now
    for (let tick = from; tick <= now; tick++) this.#collect(this.#slots[tick % SLOTS]!, now)
    this.#expireDue()
  }

  #collect(head: Deadline, now: number): void {
    for (let deadline = head.next; deadline !== head; ) {
      const next = deadline.next
      if (deadline.dueTick <= now) {
        unlink(deadline)
        append(this.#due, deadline)
      }
      deadline = next
    }
  }

  // Always the first of the ring: an expiry may cancel or move any other, those in the ring included.
  #expireDue(): void {
    while (this.#due.next !== this.#due) {
      const deadline = this.#due.next
      this.cancel(deadline)
      try {
        deadline.expire()
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}

function append(head: Deadline, deadline: Deadline): void {
  const last = head.previous
  last.next = deadline
  deadline.previous = last
  deadline.next = head
  head.previous = deadline
}

function unlink(deadline: Deadline): void {
  deadline.previous.next = deadline.next
  deadline.next.previous = deadline.previous
  deadline.next = deadline.previous = deadline
}
