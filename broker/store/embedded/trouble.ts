// What a store does while it cannot work: it refuses, empties itself from its reserve, and tries again, ever less often.

import type { BrokerError } from '../../ground/errors.ts'
import type { FromThread } from './messages.ts'
import type { StoreState } from './queue-state.ts'
import type { Reserve } from './reserve.ts'
import { storeError } from './store-errors.ts'

/** Between tries of a store that cannot work, doubled each time up to the last. ms */
const FIRST_TRY_MS = 100
const LAST_TRY_MS = 5000
/** Written and deleted again to see whether there is space. bytes */
const PROBE_BYTES = 256 * 1024

export class Trouble {
  readonly #state: StoreState
  readonly #reserve: Reserve | undefined
  readonly #post: (message: FromThread) => void
  /** When it is to be tried again; on the monotonic clock. */
  tryAtMs = Infinity
  #tryMs = FIRST_TRY_MS

  /** @param reserve undefined: a store in memory has none */
  constructor(state: StoreState, reserve: Reserve | undefined, post: (message: FromThread) => void) {
    this.#state = state
    this.#reserve = reserve
    this.#post = post
  }

  /** Nothing at all is written before a try has shown that the disk works. */
  get isHalted(): boolean {
    return this.#state.problem !== undefined && !this.#state.isDraining
  }

  /** Before the first queue is opened: a store without a reserve appends nothing. */
  start(): void {
    const { database } = this.#state
    try {
      this.#reserve?.setFull(database, false)
      this.#reserve?.make(database)
    } catch (error) {
      database.rollback(error)
      this.stop(storeError(error, database), true)
    }
  }

  /** Stops it when messages of so many bytes would take what it needs to be emptied. */
  checkSpace(bytes: number): void {
    if (this.#state.problem !== undefined) return
    const problem = this.#reserve?.lacks(bytes)
    if (problem !== undefined) this.stop(problem, true)
  }

  /** Nothing is appended before a try has shown that the disk works. `mayDrain` false: emptying it has just failed, too. */
  stop(problem: BrokerError, mayDrain: boolean): void {
    const state = this.#state
    if (state.problem?.code !== problem.code) this.#post({ kind: 'state', problem: { code: problem.code, details: problem.details } })
    state.problem = problem
    state.isDraining = mayDrain && problem.code === 'store.no_space' && this.#giveUpReserve()
    // Settlements that fail meanwhile put off no try.
    if (this.tryAtMs < Infinity) return
    this.tryAtMs = state.steadyMs + this.#tryMs
    this.#tryMs = Math.min(this.#tryMs * 2, LAST_TRY_MS)
  }

  /** Tries whether it can work again. `restore`: what the engine has to do for it, which may fail as well. True: it works. */
  tryAgain(restore: () => void): boolean {
    const state = this.#state
    const { database } = state
    this.tryAtMs = Infinity
    try {
      this.#reserve?.make(database)
      database.probe(PROBE_BYTES, state.nowMs)
      restore()
      this.#reserve?.setFull(database, false)
    } catch (error) {
      database.rollback(error)
      this.stop(storeError(error, database), true)
      return false
    }
    state.problem = undefined
    state.isDraining = false
    this.#tryMs = FIRST_TRY_MS
    this.#post({ kind: 'state', problem: undefined })
    return true
  }

  // True: what is free now is enough to settle, lease and purge.
  #giveUpReserve(): boolean {
    const { database } = this.#state
    try {
      this.#reserve?.giveUp()
      if (!database.isWriting) this.#reserve?.setFull(database, true)
    } catch (error) {
      // The log is not written back yet; the next commit tries it again.
      if (!database.isWriting) database.rollback(error)
    }
    return this.#reserve?.mayDrain ?? false
  }
}
