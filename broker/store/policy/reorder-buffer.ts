// Puts messages of a session that came late back into the order of their numbers. Pure: positions and times are numbers.
//
//   arrives  1  2  4  5  3        goes on  1  2  ·  ·  3 4 5       4 and 5 wait for 3
//   until 3 comes, `bufferSize` wait for it, or the first of them has waited `timeoutMs`; then those that wait go on without it.

import type { OrderingSettings } from '../../ground/store-settings.ts'

interface Late {
  readonly sequence: number
  readonly position: number
  readonly sinceMs: number
}

interface Numbered {
  /** The number that goes on next. */
  next: number
  /** Those that wait, by number. */
  readonly late: Late[]
}

/** Sessions whose next number is remembered; of more, the one that was quiet longest is asked for again. */
const MAX_SESSIONS = 65_536

export class ReorderBuffer {
  readonly #bufferSize: number
  readonly #timeoutMs: number
  readonly #recall: (session: string) => number
  /** The one that moved last comes last. */
  readonly #sessions = new Map<string, Numbered>()
  /** Sessions in which messages wait. */
  readonly #waiting = new Set<Numbered>()
  /** Messages that wait for earlier ones. */
  lateCount = 0

  /** @param recall the number that a session goes on with, when it is not known here; 1 = from the first */
  constructor({ bufferSize, timeoutMs }: Pick<OrderingSettings, 'bufferSize' | 'timeoutMs'>, recall: (session: string) => number = () => 1) {
    this.#bufferSize = bufferSize
    this.#timeoutMs = timeoutMs
    this.#recall = recall
  }

  /** Takes a message with its number, from 1, and gives the positions that go on now, in order. One that comes after its number was passed goes on at once. */
  arrive(session: string, sequence: number, position: number, nowMs: number): number[] {
    const state = this.#session(session)
    if (sequence < state.next || this.#bufferSize === 0) {
      state.next = Math.max(state.next, sequence + 1)
      return [position]
    }
    const free: number[] = []
    if (sequence === state.next) {
      free.push(position)
      state.next++
      this.#follow(state, free)
      return free
    }
    const at = state.late.findLastIndex((late) => late.sequence <= sequence) + 1
    state.late.splice(at, 0, { sequence, position, sinceMs: nowMs })
    this.lateCount++
    this.#waiting.add(state)
    if (state.late.length > this.#bufferSize) this.#skip(state, free)
    return free
  }

  /** Those that go on because they have waited long enough. */
  timeOut(nowMs: number): number[] {
    const free: number[] = []
    for (const state of this.#waiting) {
      // A clock that was set back does not make anybody wait longer than the time-out.
      while (state.late.some(({ sinceMs }) => nowMs - sinceMs >= this.#timeoutMs || sinceMs > nowMs + this.#timeoutMs)) this.#skip(state, free)
    }
    return free
  }

  /** When `timeOut` has something to do; Infinity: never. */
  get nextTimeoutMs(): number {
    let next = Infinity
    for (const { late } of this.#waiting) for (const { sinceMs } of late) next = Math.min(next, sinceMs + this.#timeoutMs)
    return next
  }

  /** It is gone, and nobody need wait for its turn. */
  remove(position: number): void {
    for (const state of this.#waiting) {
      const at = state.late.findIndex((late) => late.position === position)
      if (at < 0) continue
      state.late.splice(at, 1)
      this.lateCount--
      if (state.late.length === 0) this.#waiting.delete(state)
      return
    }
  }

  // Gives up on what is missing before the first that waits.
  #skip(state: Numbered, free: number[]): void {
    state.next = state.late[0]!.sequence
    this.#follow(state, free)
  }

  #follow(state: Numbered, free: number[]): void {
    const { late } = state
    let count = 0
    for (; count < late.length && late[count]!.sequence <= state.next; count++) {
      free.push(late[count]!.position)
      state.next = Math.max(state.next, late[count]!.sequence + 1)
    }
    late.splice(0, count)
    this.lateCount -= count
    if (late.length === 0) this.#waiting.delete(state)
  }

  #session(key: string): Numbered {
    let state = this.#sessions.get(key)
    if (state === undefined) state = { next: this.#recall(key), late: [] }
    else this.#sessions.delete(key)
    this.#sessions.set(key, state)
    if (this.#sessions.size > MAX_SESSIONS) this.#forgetOne()
    return state
  }

  #forgetOne(): void {
    for (const [key, { late }] of this.#sessions) {
      if (late.length > 0) continue
      this.#sessions.delete(key)
      return
    }
  }
}
