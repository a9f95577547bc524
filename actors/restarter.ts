// Decides what follows when a child ended by itself, and does it: restart, with whom, when, or give up.
// Knows the children of one supervisor and nothing of what they do.
//
//   exited ─▶ restart it? ─▶ too many of its own? ─▶ too many in all? ─▶ stop the affected ─▶ delay ─▶ start them in order ─▶ one fails:
//              no: done       yes: quarantine         yes: escalate       (reverse order)                                  as if it had crashed

import type { Environment } from './behaviour.ts'
import type { Child } from './child.ts'
import { CHILD_PERIOD_MS, type RestartType } from './child-spec.ts'
import { RestartIntensity } from './restart-intensity.ts'
import { RestartPlan } from './restart-plan.ts'
import { affected, type Strategy } from './strategy.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { ExitReason } from '../broker/ground/types.ts'

/** What a supervisor is told about restarts. */
export interface RestartOptions {
  readonly id: string
  readonly strategy: Strategy
  /** Restarts that are borne within `periodMs`; with one more the supervisor stops its children and crashes with `supervisor.intensity`. 0 and more, Infinity = any number; default 1. */
  readonly intensity?: number
  /** ms, default 5000, above 0. */
  readonly periodMs?: number
  /** 0..1, for the jitter of delays; default Math.random. */
  readonly random?: () => number
}

/** The supervisor, as its restarter sees it. */
export interface RestartHost {
  isEnding(): boolean
  /** In start order. */
  readonly children: Map<string, Child>
  /** Does `work` in turn, unless the supervisor ends before. */
  inTurn(work: () => Promise<void>): void
  /** More restarts than are borne: the supervisor cannot go on. */
  escalate(error: BrokerError): void
  /** A restart began, or ended. */
  changed(isRestarting: boolean): void
}

export const INTENSITY = 1
export const PERIOD_MS = 5000

export class Restarter {
  readonly #options: RestartOptions
  readonly #environment: Environment
  readonly #host: RestartHost
  readonly #restarts: RestartIntensity
  readonly #plan: RestartPlan

  constructor(options: RestartOptions, environment: Environment, host: RestartHost) {
    const { strategy, intensity = INTENSITY, periodMs = PERIOD_MS, random = Math.random } = options
    this.#options = options
    this.#environment = environment
    this.#host = host
    this.#restarts = new RestartIntensity(intensity, periodMs)
    this.#plan = new RestartPlan(strategy, environment, random, failed => host.inTurn(() => this.#startWaiting(failed)))
  }

  /** How many children wait for their restart. */
  get waiting(): number {
    return this.#plan.size
  }

  /** A child that ran ended without being asked. */
  exited(child: Child, reason: ExitReason): void {
    const { incarnation, spec } = child
    const fields = { child: spec.id, incarnation, reason: reason.kind }
    if (reason.kind === 'crash') this.#environment.log.error({ ...fields, error: reason.error }, 'child crashed')
    else this.#environment.log.info(fields, 'child ended')
    this.#host.inTurn(async () => {
      // Its group may have been restarted, or it was stopped, since it ended.
      if (child.state !== 'exited' || child.incarnation !== incarnation) return child.tellEnd(incarnation, reason, { kind: 'stopped' })
      child.note = noteOf(reason)
      if (isRestarted(spec.restart, reason)) return this.#restart(child, reason)
      child.tellEnd(incarnation, reason, { kind: 'down' })
      child.state = 'down'
      if (child.isForgotten) this.#host.children.delete(spec.id)
    })
  }

  /** Takes `child` out of those that wait; it stays down. */
  forgo(child: Child): void {
    if (this.#plan.remove(child)) this.#changed()
  }

  /** Nobody is restarted any more. */
  clear(): void {
    this.#plan.clear()
  }

  /** Starts those that went down with `child`, in order: it has left its quarantine, or was removed. */
  async startWith(child: Child): Promise<void> {
    for (const held of this.#host.children.values()) {
      if (held.downWith !== child) continue
      held.restarts++
      const result = await held.start()
      if (this.#host.isEnding()) return
      if (result instanceof Error) await this.#failedStart(held, result)
      // It may have been one failure too many.
      if (this.#host.isEnding()) return
    }
  }

  async #restart(failed: Child, reason: ExitReason): Promise<void> {
    if (failed.exceedsIntensity()) return this.#quarantine(failed, reason)
    const { id, strategy, intensity = INTENSITY, periodMs = PERIOD_MS } = this.#options
    const { incarnation } = failed
    if (this.#restarts.exceeds(this.#environment.clock.monotonicMs())) {
      failed.tellEnd(incarnation, reason, { kind: 'escalate' })
      return this.#host.escalate(new BrokerError('supervisor.intensity', { supervisor: id, intensity, periodMs }))
    }
    this.#host.changed(true)
    failed.failures++
    const group = affected(strategy, this.#host.children.values(), failed).filter(child => !child.isHeldDown)
    for (const child of group.toReversed()) {
      // One that waits for its time is nobody's to start.
      if (child.spec.isDeferred === true && child.state === 'down') continue
      const note = child === failed ? child.note : `restarts with ${failed.spec.id}`
      await child.stop()
      child.note = note
      if (this.#host.isEnding()) return failed.tellEnd(incarnation, reason, { kind: 'stopped' })
      // A temporary sibling ends with its group and is not started again.
      if (child.isForgotten) this.#host.children.delete(child.spec.id)
      else if (child.spec.restart !== 'temporary') child.state = 'waiting'
    }
    const delayMs = this.#plan.schedule(failed, group.filter(child => child.state === 'waiting'))
    failed.tellEnd(incarnation, reason, { kind: 'restart', delayMs: Math.round(delayMs) })
    if (delayMs === 0) return this.#startWaiting(failed)
    this.#environment.log.info({ child: failed.spec.id, delayMs: Math.round(delayMs), failures: failed.failures }, 'child restarts after a delay')
  }

  // Its siblings go on, but for those that never run without it.
  async #quarantine(failed: Child, reason: ExitReason): Promise<void> {
    const { spec, note, incarnation } = failed
    failed.tellEnd(incarnation, reason, { kind: 'quarantine', reason: note })
    const { intensity, periodMs = CHILD_PERIOD_MS } = spec
    const error = new BrokerError('supervisor.quarantine', { child: spec.id, intensity, periodMs, problem: note })
    this.#environment.log.error({ child: spec.id, incarnation, error }, 'child is in quarantine')
    for (const child of affected(this.#options.strategy, this.#host.children.values(), failed).toReversed()) {
      const isUp = this.#plan.remove(child) || child.state !== 'down'
      if (child === failed || !isUp) continue
      await child.stop()
      if (this.#host.isEnding()) return
      if (child.isForgotten) this.#host.children.delete(child.spec.id)
      else if (child.spec.isDeferred !== true) child.downWith = failed
      child.note = `down with ${spec.id}, which is in quarantine`
    }
    failed.state = 'down'
    failed.quarantine = { reason: note, since: this.#environment.clock.wallMs() }
    failed.note = `in quarantine: ${note}`
    this.#changed()
  }

  async #startWaiting(failed: Child): Promise<void> {
    if (!this.#plan.isDue(failed)) return
    const candidates = this.#options.strategy === 'oneForOne' ? [failed] : [...this.#host.children.values()]
    for (const child of candidates) {
      if (!this.#plan.remove(child)) continue
      child.restarts++
      const result = await child.start()
      if (this.#host.isEnding()) return
      if (result === 'ignore') child.note = 'nothing to do'
      if (!(result instanceof Error)) continue
      return this.#failedStart(child, result)
    }
    this.#changed()
  }

  #failedStart(child: Child, error: Error): Promise<void> {
    this.#environment.log.error({ child: child.spec.id, incarnation: child.incarnation, error }, 'child failed to start')
    child.note = error.message
    return this.#restart(child, { kind: 'crash', error })
  }

  #changed(): void {
    this.#host.changed(this.#plan.size > 0)
  }
}

function isRestarted(type: RestartType, reason: ExitReason): boolean {
  return type === 'permanent' || (type === 'transient' && (reason.kind === 'crash' || reason.kind === 'killed'))
}

function noteOf(reason: ExitReason): string {
  return reason.kind === 'crash' ? reason.error.message : reason.kind
}
