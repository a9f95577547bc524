// One probe of one incarnation: makes attempts in time, gives up those that take too long, and counts. Knows no kind of attempt.

import type { Clock } from '../../broker/ground/clock.ts'
import { Deadline, type Deadlines } from '../../broker/ground/deadlines.ts'
import type { ProbeHealth, ProbeInfo, ProbePace } from '../../broker/ground/probes.ts'
import { judge, noVerdict } from './verdict.ts'

export interface Attempt {
  /**
   * Resolves with what was wrong, in words; undefined: nothing. The signal says that it is given up; what comes after that counts for
   * nothing. `began`: to be called when its time-out is to count.
   */
  (signal: AbortSignal, began?: () => void): Promise<string | undefined>
  /** It has so long until it says that it began; undefined: its time-out counts at once. ms */
  readonly startsWithinMs?: number
  /**
   * By what it sees the instance now: what fails counts only when that is the same at its end as it was at its beginning. undefined: it
   * could say nothing, and is not made.
   */
  readonly sight?: () => string | undefined
}

export interface ProbeOptions {
  readonly pace: ProbePace
  readonly about: Pick<ProbeInfo, 'kind' | 'target'>
  readonly attempt: Attempt
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** Told of each change of its health, after it. */
  readonly onChange: (probe: Finding) => void
}

/** So often an instance that starts is tried at least: whoever waits for it waits no longer than needed. ms */
const START_INTERVAL_MS = 500
/** A time-out that comes this much late says that the broker hung, or the machine slept; the instance's answer may lie unread. ms */
const OWN_DELAY_MS = 1000

interface Open {
  /** When it was made. */
  readonly beganMs: number
  readonly abort: AbortController
  /** What `sight` gave then. */
  readonly sight: string | undefined
  /** What `limitMs` counts from. */
  fromMs: number
  limitMs: number
  hasBegun: boolean
}

/** Something that is known of the health of an incarnation, and how it came to be known. */
export interface Finding {
  readonly health: ProbeHealth
  /** Why it is not healthy; undefined: it is, or is not known yet. */
  readonly problem: string | undefined
  readonly onFailure: ProbePace['onFailure']
  readonly info: ProbeInfo
  stop(): void
}

export class Probe implements Finding {
  readonly #options: ProbeOptions
  readonly #due = new Deadline(() => this.#attempt())
  readonly #timeout = new Deadline(() => this.#timedOut())
  readonly #startedMs: number
  #verdict = noVerdict
  #since: number
  #last: number | undefined
  /** The attempt that is under way; undefined: none is. */
  #open: Open | undefined
  #isStopped = false

  /** Begins at once: the process has just started. */
  constructor(options: ProbeOptions) {
    this.#options = options
    const { clock, deadlines, pace } = options
    this.#startedMs = clock.monotonicMs()
    this.#since = clock.wallMs()
    deadlines.set(this.#due, pace.initialDelayMs)
  }

  get health(): ProbeHealth {
    return this.#verdict.health
  }

  get problem(): string | undefined {
    return this.#verdict.problem
  }

  get onFailure(): ProbePace['onFailure'] {
    return this.#options.pace.onFailure
  }

  get info(): ProbeInfo {
    const { health, problem } = this.#verdict
    return { ...this.#options.about, health, since: this.#since, ...(this.#last === undefined ? {} : { last: this.#last }), ...(problem === undefined ? {} : { problem }) }
  }

  /** Whoever starts may be ready now: it is tried again at once, unless that is under way, or its initial delay is not over. */
  hurry(): void {
    if (this.#verdict.health === 'starting' && this.#last !== undefined && this.#due.isSet) this.#options.deadlines.set(this.#due, 0)
  }

  /** Its incarnation ends: nothing counts any more. */
  stop(): void {
    this.#isStopped = true
    this.#options.deadlines.cancel(this.#due)
    this.#options.deadlines.cancel(this.#timeout)
    this.#open?.abort.abort()
    this.#open = undefined
  }

  #attempt(): void {
    const { clock, deadlines, attempt, pace } = this.#options
    const beganMs = clock.monotonicMs()
    const sight = attempt.sight?.()
    if (attempt.sight !== undefined && sight === undefined) return this.#next(beganMs)
    const abort = new AbortController()
    const limitMs = attempt.startsWithinMs ?? pace.timeoutMs
    const open: Open = (this.#open = { beganMs, abort, sight, fromMs: beganMs, limitMs, hasBegun: attempt.startsWithinMs === undefined })
    deadlines.set(this.#timeout, limitMs)
    const began = (): void => {
      if (this.#open !== open || open.hasBegun) return
      Object.assign(open, { fromMs: clock.monotonicMs(), limitMs: pace.timeoutMs, hasBegun: true })
      deadlines.set(this.#timeout, pace.timeoutMs)
    }
    const ended = (problem: string | undefined): void => {
      // Given up meanwhile: it is late.
      if (this.#open === open) this.#ended(open, problem)
    }
    attempt(abort.signal, began).then(ended, (error: unknown) => ended(error instanceof Error ? error.message : String(error)))
  }

  #timedOut(): void {
    const open = this.#open!
    const { beganMs, fromMs, limitMs, hasBegun, abort } = open
    const isOwnDelay = this.#options.clock.monotonicMs() - fromMs > limitMs + OWN_DELAY_MS
    if (isOwnDelay) this.#next(beganMs)
    else this.#ended(open, hasBegun ? `no answer within ${limitMs} ms` : `has not begun within ${limitMs} ms`)
    abort.abort()
  }

  #ended({ beganMs, sight }: Open, problem: string | undefined): void {
    const { clock, pace, onChange, attempt } = this.#options
    if (problem !== undefined && attempt.sight?.() !== sight) return this.#next(beganMs)
    const before = this.#verdict
    this.#verdict = judge(before, problem, clock.monotonicMs() - this.#startedMs, pace)
    this.#last = clock.wallMs()
    this.#next(beganMs)
    if (this.#verdict.health === before.health) return
    this.#since = this.#last
    onChange(this)
  }

  #next(beganMs: number): void {
    const { clock, deadlines, pace } = this.#options
    deadlines.cancel(this.#timeout)
    this.#open = undefined
    if (this.#isStopped) return
    const everyMs = this.#verdict.health === 'starting' ? Math.min(pace.intervalMs, START_INTERVAL_MS) : pace.intervalMs
    deadlines.set(this.#due, Math.max(0, beganMs + everyMs - clock.monotonicMs()))
  }
}
