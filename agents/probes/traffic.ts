// Whether an instance is well by the requests that it gets: how many fail, how long they take, whether it answers at all. Pure: is told
// the time and what was counted.
//
//   healthy ─ more errors, slower, or more silent than the limit ─▶ unhealthy, for a while of its own ─▶ healthy, on trial
//                                                                       └ behaves meanwhile ─▶ healthy

import type { TrafficSettings } from '../../broker/ground/probes.ts'
import type { InstanceLoad } from '../../broker/ground/registry.ts'
import type { Usual } from './usual.ts'

/** Parts of the window: it moves on by one at a time. */
export const PARTS = 10
/** Of fewer nothing can be said. */
const LEAST_REQUESTS = 10
/** Where everything failed before, everything failing is still nothing to call usual. */
const MOST_ERRORS = 0.99
/** Longest time that one which failed each trial waits for the next. Windows. */
const LONGEST_WAIT = 16

interface Reading extends InstanceLoad {
  readonly atMs: number
}

const nothing: InstanceLoad = { outstanding: 0, failures: 0, answered: 0, unanswered: 0, tookMs: 0 }

export class Traffic {
  readonly #settings: TrafficSettings
  readonly #instance: string
  readonly #usual: Usual
  /** At the borders of the parts of the window, oldest first; the window is from the first to now. */
  #readings: Reading[]
  /** Since when it has open requests and answered none. */
  #silentSinceMs: number
  #answered: number
  /** Why it is unhealthy; undefined: it is healthy. */
  #problem: string | undefined
  #isSilence = false
  /** While unhealthy: when it is tried again. */
  #trialMs = 0
  /** Trials in a row that failed. */
  #failedTrials = 0
  /** Since when it is healthy again. */
  #healthySinceMs = -Infinity
  #learntMs: number

  /** `before`: what was counted before it began, of which nothing is its own. */
  constructor(instance: string, settings: TrafficSettings, usual: Usual, nowMs: number, before: InstanceLoad = nothing) {
    this.#instance = instance
    this.#settings = settings
    this.#usual = usual
    this.#silentSinceMs = this.#learntMs = nowMs
    this.#readings = [{ ...before, atMs: nowMs }]
    this.#answered = before.answered
    usual.answered(instance, -Infinity)
  }

  get problem(): string | undefined {
    return this.#problem
  }

  /** What was counted until now, which never shrinks; to be told at least `PARTS` times in each window. */
  read(load: InstanceLoad, nowMs: number): void {
    this.#listen(load, nowMs)
    const { windowMs } = this.#settings
    const before = this.#readings.at(-1)
    if (before === undefined || nowMs - before.atMs >= windowMs / PARTS) this.#readings.push({ ...load, atMs: nowMs })
    while (this.#readings.length > 1 && this.#readings[1]!.atMs <= nowMs - windowMs) this.#readings.shift()
    if (this.#problem === undefined) this.#watch(load, nowMs)
    else this.#recover(load, nowMs)
  }

  #listen({ answered, outstanding }: InstanceLoad, nowMs: number): void {
    if (answered > this.#answered) this.#usual.answered(this.#instance, nowMs)
    if (answered > this.#answered || outstanding === 0) this.#silentSinceMs = nowMs
    this.#answered = answered
  }

  #watch(load: InstanceLoad, nowMs: number): void {
    const silence = this.#silenceOf(load, nowMs)
    const problem = silence ?? this.#figureProblem(load)
    if (problem === undefined) return this.#stayedWell(load, nowMs)
    const { windowMs } = this.#settings
    // One that was well for a while has not failed its trial.
    this.#failedTrials = nowMs - this.#healthySinceMs > 2 * windowMs ? 0 : this.#failedTrials + 1
    this.#trialMs = nowMs + windowMs * Math.min(LONGEST_WAIT, 2 ** this.#failedTrials)
    this.#isSilence = silence !== undefined
    this.#problem = problem
    this.#readings = [{ ...load, atMs: nowMs }]
  }

  #recover(load: InstanceLoad, nowMs: number): void {
    const [flagged] = this.#readings
    const hasSpoken = this.#isSilence && flagged !== undefined && load.answered > flagged.answered
    const { requests } = this.#figures(load)
    const behaves = !this.#isSilence && requests >= LEAST_REQUESTS && this.#figureProblem(load) === undefined
    const isOnTrial = nowMs >= this.#trialMs && load.outstanding === 0
    if (!hasSpoken && !behaves && !isOnTrial) return
    this.#problem = undefined
    this.#healthySinceMs = this.#learntMs = this.#silentSinceMs = nowMs
    this.#readings = [{ ...load, atMs: nowMs }]
  }

  // What is usual is learnt of whole windows in which nothing was wrong.
  #stayedWell(load: InstanceLoad, nowMs: number): void {
    if (nowMs - this.#learntMs < this.#settings.windowMs) return
    this.#learntMs = nowMs
    const { requests, errors, latencyMs } = this.#figures(load)
    if (requests < LEAST_REQUESTS) return
    this.#usual.errors.learn(errors)
    if (latencyMs > 0) this.#usual.latencyMs.learn(latencyMs)
  }

  /** Of the window. */
  #figures(load: InstanceLoad): { readonly requests: number; readonly errors: number; readonly latencyMs: number } {
    const from = this.#readings[0] ?? load
    const requests = load.answered + load.unanswered - from.answered - from.unanswered
    if (requests === 0) return { requests, errors: 0, latencyMs: 0 }
    return { requests, errors: (load.failures - from.failures) / requests, latencyMs: (load.tookMs - from.tookMs) / requests }
  }

  #figureProblem(load: InstanceLoad): string | undefined {
    const { errorRate, latencyMs: floorMs, windowMs } = this.#settings
    const { requests, errors, latencyMs } = this.#figures(load)
    if (requests < LEAST_REQUESTS) return undefined
    const usual = this.#usual
    if (errorRate !== undefined && errors > Math.min(MOST_ERRORS, usual.errors.limit(errorRate))) return `${percent(errors)} of ${requests} requests failed within ${windowMs} ms${besides(usual.errors.mean, percent)}`
    // Without knowing what is usual nothing is slow.
    if (floorMs !== undefined && usual.latencyMs.mean !== undefined && latencyMs > usual.latencyMs.limit(floorMs)) return `${requests} requests took ${millis(latencyMs)} each within ${windowMs} ms${besides(usual.latencyMs.mean, millis)}`
    return undefined
  }

  #silenceOf({ outstanding }: InstanceLoad, nowMs: number): string | undefined {
    const { silenceMs } = this.#settings
    if (silenceMs === undefined || outstanding === 0) return undefined
    const silentMs = nowMs - this.#silentSinceMs
    if (silentMs <= this.#usual.latencyMs.limit(silenceMs)) return undefined
    if (this.#usual.othersAnsweredSince(this.#instance, this.#silentSinceMs) === false) return undefined
    return `no answer for ${millis(silentMs)}, with ${outstanding} requests open`
  }
}

const percent = (share: number): string => `${Math.round(share * 100)} %`
const millis = (ms: number): string => `${Math.round(ms)} ms`
const besides = (mean: number | undefined, shown: (figure: number) => string): string => (mean === undefined ? '' : `, usual are ${shown(mean)}`)
