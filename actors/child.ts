// One child of a supervisor: starts it within its time, stops it within its time, tells when it ended by itself.
// Knows no sibling and no strategy.
//
//   down ──▶ starting ──▶ running ──▶ exited      it ended by itself, the supervisor has not decided yet
//    ▲          │            │           │
//    ├──────────┴─ stopping ◀┴───────────┤
//    └───────────────────────  waiting ◀─┘         for its restart

import type { Environment } from './behaviour.ts'
import { CHILD_PERIOD_MS, KILL_MS, SHUTDOWN_MS, START_MS, STEADY_MS, type ChildNext, type ChildSpec } from './child-spec.ts'
import { RestartIntensity } from './restart-intensity.ts'
import type { StartableActor } from './startable-actor.ts'
import { Deadline } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { ActorInfo, ExitReason, Quarantine } from '../broker/ground/types.ts'

export type ChildState = 'down' | 'starting' | 'running' | 'exited' | 'stopping' | 'waiting'

/** `'interrupted'`: it was asked to stop meanwhile. An error: it did not come to run. Except after `'ok'` nothing of it is left. */
export type ChildStart = 'ok' | 'ignore' | 'interrupted' | Error

/** Told when a child that ran ended without being asked. */
export type ChildExited = (child: Child, reason: ExitReason) => void

export class Child {
  readonly spec: ChildSpec
  state: ChildState = 'down'
  /** How often it was created. */
  incarnation = 0
  /** How often its supervisor restarted it. */
  restarts = 0
  /** Failures in a row, for the backoff; a run of `steadyMs` ends the row. */
  failures = 0
  /** Why it is not running, for people. */
  note = ''
  /** It failed more often than its spec bears, and stays down until somebody starts it. */
  quarantine: Quarantine | undefined
  /** It is down because this sibling is in quarantine, and starts with it. */
  downWith: Child | undefined
  readonly #environment: Environment
  readonly #onExit: ChildExited
  readonly #deadline = new Deadline(() => this.#late())
  #restarts: RestartIntensity
  #actor: StartableActor | undefined
  #interruption = Promise.withResolvers<'late' | 'interrupted'>()
  #gone = Promise.withResolvers<void>()
  /** When it began to run, monotonic ms. */
  #runsSinceMs = 0
  #early: ExitReason | undefined
  #isKilled = false

  constructor(spec: ChildSpec, environment: Environment, onExit: ChildExited) {
    this.spec = spec
    this.#environment = environment
    this.#onExit = onExit
    this.#restarts = this.#noRestarts()
  }

  /** True for one that nobody starts again: it is forgotten when it ends. */
  get isForgotten(): boolean {
    return this.spec.restart === 'temporary' && this.spec.isDeferred !== true
  }

  /** The actor of this incarnation, while there is one. */
  get actor(): StartableActor | undefined {
    return this.#actor
  }

  /** It stays down whatever its siblings do. */
  get isHeldDown(): boolean {
    return this.quarantine !== undefined || this.downWith !== undefined
  }

  /** Counts a failure of its own; true when its spec bears no restart for it any more. What came before is forgotten then. */
  exceedsIntensity(): boolean {
    if (!this.#restarts.exceeds(this.#environment.clock.monotonicMs())) return false
    this.#restarts = this.#noRestarts()
    return true
  }

  /** Creates the next incarnation and starts it. */
  async start(): Promise<ChildStart> {
    this.quarantine = undefined
    this.downWith = undefined
    this.state = 'starting'
    this.incarnation++
    this.#runsSinceMs = Infinity
    this.#interruption = Promise.withResolvers()
    this.#gone = Promise.withResolvers()
    this.#early = undefined
    this.#isKilled = false
    try {
      const actor = this.spec.create(this.incarnation)
      actor.onExit = (reason, who) => this.#exited(reason, who)
      this.#actor = actor
      return await this.#begin(actor)
    } catch (error) {
      await this.stop()
      return BrokerError.from(error)
    }
  }

  async #begin(actor: StartableActor): Promise<ChildStart> {
    const { id, kind, startMs = kind === 'supervisor' ? Infinity : START_MS } = this.spec
    if (startMs !== Infinity) this.#environment.deadlines.set(this.#deadline, startMs)
    const result = await Promise.race([actor.start(), this.#interruption.promise])
    this.#environment.deadlines.cancel(this.#deadline)
    if (result === 'ok') {
      this.#runsSinceMs = this.#environment.clock.monotonicMs()
      this.state = 'running'
      // It may have ended between its first moment in run and this one.
      if (this.#early !== undefined) this.#endedByItself(this.#early)
      return 'ok'
    }
    if (result === 'late') this.kill()
    await this.stop()
    if (result === 'ignore' || result === 'interrupted') return result
    if (result === 'late') return new BrokerError('actor.start_timeout', { actor: id, limitMs: startMs })
    return result.kind === 'crash' ? result.error : new BrokerError('actor.ended', { actor: id })
  }

  /** Makes a start that is under way end at once with `'interrupted'`. */
  interrupt(): void {
    this.#interruption.resolve('interrupted')
  }

  /** Ends it: asked first, killed when `shutdownMs` are over. Resolves when it is gone. */
  async stop(): Promise<void> {
    const actor = this.#actor
    if (actor !== undefined) {
      const { kind, shutdownMs = kind === 'supervisor' ? Infinity : SHUTDOWN_MS } = this.spec
      this.state = 'stopping'
      if (shutdownMs === 0) this.kill()
      else if (!this.#isKilled) {
        if (shutdownMs !== Infinity) this.#environment.deadlines.set(this.#deadline, shutdownMs)
        actor.stop()
      }
      await this.#gone.promise
    }
    this.state = 'down'
    this.note = 'stopped'
  }

  /** Ends it now. Its exit is reported as usual. */
  kill(): void {
    if (this.#actor === undefined || this.#isKilled) return
    this.#isKilled = true
    // A supervisor's own children have this limit each, so it needs none, and one here would cut theirs short.
    if (this.spec.kind === 'supervisor') this.#environment.deadlines.cancel(this.#deadline)
    else this.#environment.deadlines.set(this.#deadline, this.spec.killMs ?? KILL_MS)
    this.#actor.kill()
  }

  /** Says what follows the end of an incarnation. */
  tellEnd(incarnation: number, reason: ExitReason, next: ChildNext): void {
    try {
      this.spec.onEnd?.({ incarnation, reason, next })
    } catch (error) {
      this.#environment.log.error({ child: this.spec.id, error }, 'onEnd failed')
    }
  }

  // Not one that was sent there by its failures, nor by those of a sibling.
  get #isDeferred(): boolean {
    return this.spec.isDeferred === true && this.state === 'down' && !this.isHeldDown
  }

  info(childLimit?: number): ActorInfo {
    const { incarnation, restarts, spec, quarantine } = this
    if (this.#actor !== undefined) return { ...this.#actor.info(childLimit), incarnation, restarts }
    return { id: spec.id, kind: spec.kind, phase: this.state === 'waiting' ? 'create' : 'exited', incarnation, restarts, ageMs: 0, mailbox: 0, detail: this.note, children: [], ...(quarantine && { quarantine }), ...(this.#isDeferred && { isDeferred: true }) }
  }

  #noRestarts(): RestartIntensity {
    const { intensity = Infinity, periodMs = CHILD_PERIOD_MS } = this.spec
    return new RestartIntensity(intensity, periodMs)
  }

  #late(): void {
    const { id, shutdownMs = SHUTDOWN_MS } = this.spec
    if (this.#isKilled) this.#abandon()
    else if (this.state === 'starting') this.#interruption.resolve('late')
    else {
      const error = new BrokerError('actor.killed', { actor: id, limitMs: shutdownMs })
      this.#environment.log.warn({ child: id, error }, 'child did not stop in time')
      this.kill()
    }
  }

  #abandon(): void {
    this.#environment.log.error({ child: this.spec.id }, 'child did not end when it was killed and is left behind')
    this.#actor = undefined
    this.#gone.resolve()
  }

  #exited(reason: ExitReason, who: unknown): void {
    if (who !== this.#actor) return
    this.#actor = undefined
    this.#environment.deadlines.cancel(this.#deadline)
    this.#gone.resolve()
    const hadRun = this.state === 'running' || this.state === 'stopping'
    if (hadRun && this.#environment.clock.monotonicMs() - this.#runsSinceMs >= (this.spec.steadyMs ?? STEADY_MS)) this.failures = 0
    if (this.state === 'running') this.#endedByItself(reason)
    else if (this.state === 'starting') this.#early = reason
    else {
      if (reason.kind === 'crash') this.#environment.log.error({ child: this.spec.id, error: reason.error }, 'child crashed while it was stopped')
      this.tellEnd(this.incarnation, reason, { kind: 'stopped' })
    }
  }

  #endedByItself(reason: ExitReason): void {
    this.state = 'exited'
    this.#onExit(this, reason)
  }
}
