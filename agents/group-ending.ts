// Ends a process group: SIGTERM, time to end in order, SIGKILL. Knows neither agents nor logs.
//
//   SIGTERM ──▶ looks until nobody runs ──graceMs──▶ SIGKILL ──▶ looks on ──KILL_WAIT_MS──▶ gives up

import type { Clock } from '../broker/ground/clock.ts'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import { groupMembers, signalGroup } from './process-group.ts'

// A killed process goes within milliseconds, unless it is stuck in the kernel (a dead network file system).
const KILL_WAIT_MS = 2000
// The time before one look counts for no more than this: where this process itself was held up, so are those that shall end, and what came
// meanwhile is read after the look. So there are five looks at least.
const LONGEST_COUNTED_MS = KILL_WAIT_MS / 5

const FIRST_LOOK_MS = 5
const LONGEST_LOOK_MS = 200

export interface GroupEndingOptions {
  readonly group: number
  /** Time between SIGTERM and SIGKILL. ms */
  readonly graceMs: number
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** Asked before the group, as that costs a walk through /proc. */
  isLeaderRunning(): boolean
}

/** `ended`: nobody of the group runs. `stuck`: somebody survived SIGKILL. */
export type GroupEnd = 'ended' | 'stuck'

/** Begins at once. */
export class GroupEnding {
  readonly done: Promise<GroupEnd>
  readonly #options: GroupEndingOptions
  readonly #grace = new Deadline(() => this.kill())
  readonly #nextLook = new Deadline(() => this.#lookAgain())
  #resolve: ((end: GroupEnd) => void) | undefined
  #lookMs = FIRST_LOOK_MS
  /** How long it waits still for those that were killed; undefined: nobody was yet. */
  #leftMs: number | undefined
  /** When it was killed, or a look that counted was made since. */
  #countedMs = 0

  constructor(options: GroupEndingOptions) {
    this.#options = options
    this.done = new Promise(resolve => { this.#resolve = resolve })
    signalGroup(options.group, 'SIGTERM')
    options.deadlines.set(this.#grace, options.graceMs)
    this.look()
  }

  /** Ends it now: SIGKILL. */
  kill(): void {
    if (this.#resolve === undefined || this.#leftMs !== undefined) return
    const { clock, deadlines, group } = this.#options
    deadlines.cancel(this.#grace)
    // The next look is soon again.
    deadlines.cancel(this.#nextLook)
    signalGroup(group, 'SIGKILL')
    this.#leftMs = KILL_WAIT_MS
    this.#countedMs = clock.monotonicMs()
    this.#lookMs = FIRST_LOOK_MS
    this.look()
  }

  /** Looks whether anybody is left. It does so by itself now and then; a caller that learns of an end need not wait for that. */
  look(): void {
    if (this.#resolve === undefined) return
    const { deadlines, group } = this.#options
    if (!this.#options.isLeaderRunning() && groupMembers(group).length === 0) return this.#settle('ended')
    if (this.#leftMs !== undefined && this.#leftMs <= 0) return this.#settle('stuck')
    // Others than our own children end without notice. A look that somebody asked for between two does not put off the next.
    if (!this.#nextLook.isSet) deadlines.set(this.#nextLook, this.#lookMs)
  }

  #lookAgain(): void {
    if (this.#leftMs !== undefined) {
      const nowMs = this.#options.clock.monotonicMs()
      this.#leftMs -= Math.min(nowMs - this.#countedMs, LONGEST_COUNTED_MS)
      this.#countedMs = nowMs
    }
    this.#lookMs = Math.min(this.#lookMs * 2, LONGEST_LOOK_MS)
    this.look()
  }

  #settle(end: GroupEnd): void {
    for (const deadline of [this.#grace, this.#nextLook]) this.#options.deadlines.cancel(deadline)
    this.#resolve?.(end)
    this.#resolve = undefined
  }
}
