// Which messages of a session may go: one at a time, the next when the one before is settled. Pure: positions and times are numbers.
//
//   arrive ─▶ nobody of its session is on the way ─▶ it goes, and holds its session
//          └▶ somebody is ─▶ held, in order of arrival
//   finish ─▶ the next one held goes
//   fail ───▶ the session waits for it: it comes back by `arrive` and goes at once. Later than `timeoutMs` after its first
//             failure the session goes on without it, and it takes its turn as the first of those held.

import type { OrderingSettings } from '../../ground/store-settings.ts'
import { FifoQueue } from './fifo-queue.ts'

/** The one session of a queue that is handled as a whole. */
const WHOLE_QUEUE = ''

interface Session {
  readonly key: string
  /** Who holds it; 0: nobody, then it is forgotten. Positions begin at 1. */
  head: number
  /** The head has failed and waits for its next attempt. */
  isWaiting: boolean
  /** When the head failed for the first time; 0: it has not. */
  failedAtMs: number
  readonly held: FifoQueue
}

export class SessionOrder {
  readonly #isPerQueue: boolean
  readonly #timeoutMs: number
  readonly #sessions = new Map<string, Session>()
  /** Where heads and those held belong. */
  readonly #of = new Map<number, Session>()
  /** Sessions that wait for a failed head, the one that waits longest first. */
  readonly #waiting = new Set<Session>()
  /** Messages that are kept back. */
  heldCount = 0

  constructor({ guarantee, timeoutMs }: Pick<OrderingSettings, 'guarantee' | 'timeoutMs'>) {
    this.#isPerQueue = guarantee === 'per_queue'
    this.#timeoutMs = timeoutMs
  }

  /** True when it is on its way or kept back here. */
  knows(position: number): boolean {
    return this.#of.has(position)
  }

  /** True when it is kept back. */
  isHeld(position: number): boolean {
    const state = this.#of.get(position)
    return state !== undefined && state.head !== position
  }

  /** False while a message of the session is on its way, or waits for its next attempt. */
  isFree(session: string | undefined): boolean {
    return (!this.#isPerQueue && session === undefined) || !this.#sessions.has(this.#isPerQueue ? WHOLE_QUEUE : session!)
  }

  /** A message is due, for the first time or again. True: it may go now. False: it is kept back until it is among those that `finish` or `timeOut` give. */
  arrive(position: number, session: string | undefined, isRetry = false): boolean {
    if (session === undefined && !this.#isPerQueue) return true
    const known = this.#of.get(position)
    if (known !== undefined) {
      if (known.head !== position) return false
      this.#waits(known, false)
      return true
    }
    const key = this.#isPerQueue ? WHOLE_QUEUE : session!
    let state = this.#sessions.get(key)
    const isFree = state === undefined
    if (state === undefined) this.#sessions.set(key, (state = { key, head: position, isWaiting: false, failedAtMs: 0, held: new FifoQueue() }))
    this.#of.set(position, state)
    if (isFree) return true
    if (isRetry) state.held.unshift(position)
    else state.held.push(position)
    this.heldCount++
    return false
  }

  /** It is settled for good, or gone. Gives the one that may go now; 0: none. */
  finish(position: number): number {
    const state = this.#of.get(position)
    if (state === undefined) return 0
    this.#of.delete(position)
    if (state.head === position) return this.#next(state)
    if (state.held.remove(position)) this.heldCount--
    return 0
  }

  /** Its attempt failed, it comes again. Gives the one that goes instead when its session has waited for it long enough; 0: none, the session waits. */
  fail(position: number, nowMs: number): number {
    const state = this.#of.get(position)
    if (state?.head !== position) return 0
    state.failedAtMs ||= nowMs
    if (nowMs - state.failedAtMs < this.#timeoutMs) {
      this.#waits(state, true)
      return 0
    }
    this.#of.delete(position)
    return this.#next(state)
  }

  /** It was not delivered after all, and goes again at once: it keeps its session. */
  release(position: number): void {
    const state = this.#of.get(position)
    if (state?.head === position) this.#waits(state, false)
  }

  /** Those that may go because their session has waited long enough for a failed one. */
  timeOut(nowMs: number): number[] {
    const free: number[] = []
    for (const state of this.#waiting) {
      // A clock that was set back starts the wait anew, so that none is longer than the time-out.
      if (state.failedAtMs > nowMs) state.failedAtMs = nowMs
      if (nowMs - state.failedAtMs < this.#timeoutMs) continue
      this.#of.delete(state.head)
      const next = this.#next(state)
      if (next !== 0) free.push(next)
    }
    return free
  }

  /** When `timeOut` has something to do; Infinity: never. */
  get nextTimeoutMs(): number {
    let next = Infinity
    for (const { failedAtMs } of this.#waiting) next = Math.min(next, failedAtMs + this.#timeoutMs)
    return next
  }

  #next(state: Session): number {
    this.#waits(state, false)
    state.failedAtMs = 0
    state.head = state.held.shift()
    if (state.head === 0) this.#sessions.delete(state.key)
    else this.heldCount--
    return state.head
  }

  #waits(state: Session, isWaiting: boolean): void {
    state.isWaiting = isWaiting
    if (isWaiting) this.#waiting.add(state)
    else this.#waiting.delete(state)
  }
}
