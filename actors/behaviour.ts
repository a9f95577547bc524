// What an actor does in each phase, as its author writes it. The wrapper (actor.ts) calls it as the chart demands.

import type { Clock } from '../broker/ground/clock.ts'
import type { Deadlines } from '../broker/ground/deadlines.ts'
import type { Log } from '../broker/ground/types.ts'
import type { Release } from './release-stack.ts'

/** What every actor of a process shares. */
export interface Environment {
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly log: Log
}

/** An actor's hold on itself, from one init to the next or to its end. What it does later has no effect. */
export interface ActorScope<Signal> {
  readonly id: string
  readonly log: Log
  /** Aborted when what was begun since init is no longer wanted: the actor ends or is restarted by plan. */
  readonly signal: AbortSignal
  /** Adds to what is released, in reverse order, when this scope ends for whatever reason. */
  defer(release: Release): void
  /** An event for the actor's own chart; false when nobody will handle it. */
  send(signal: Signal): boolean
  /** It cannot go on: the actor ends with `crash`. */
  fail(error: unknown): void
  /** Its work is done: the actor ends with `normal`. */
  finish(): void
}

export interface Behaviour<Signal> {
  /** Acquires what the actor needs. Done: it runs. Throws: it ends with `crash`. `'ignore'`: there is nothing for it to do here, it ends with `normal`. */
  init(scope: ActorScope<Signal>): 'ignore' | void | Promise<'ignore' | void>
  /** Prepares a planned restart. Afterwards everything is released and `init` is called with a new scope, or, by its chart, the actor runs on. */
  maintain?(scope: ActorScope<Signal>): void | Promise<void>
  /** Finishes accepted work before an orderly end. Its time is the supervisor's: past that the actor is killed. */
  drain?(scope: ActorScope<Signal>): void | Promise<void>
  /** Told once, when the actor is killed: releases that wait for others should no longer. */
  kill?(): void
  /** A few words for people; `state` is the chart's, such as `run.attached`. */
  detail(state: string): string
  /** A planned restart releases the old only after the new has begun, so that there is no gap. Default: the old first. */
  readonly overlaps?: boolean
}
