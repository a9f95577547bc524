// Runs one chart as an XState root of its own and does what each of its states demands. Knows no kind of actor.
//
//   chart enters         the wrapper                                   and answers
//   init                 behaviour.init(scope)                         INITIALISED, FINISHED (ignore) or FAILED
//   run                  hands over the signals that waited
//   maintain             behaviour.maintain(scope)                     MAINTAINED or FAILED
//   terminate.draining   behaviour.drain(scope)                        DRAINED or FAILED
//   terminate.releasing  waits for the work above, releases the rest   RELEASED
//   exited               onExit
//
// A root each: children spawned under one machine cost O(n) each. See docs/adr/0002-one-xstate-root-per-actor.md.

import { createActor, type AnyActor, type AnyStateMachine, type EventFromLogic } from 'xstate'
import { Deadline } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { ActorHandle, ActorInfo, ExitReason, Log, Phase } from '../broker/ground/types.ts'
import { phaseOf, stateName, type LifecycleEvent, type LifecycleType } from '../machines/lifecycle.ts'
import type { Behaviour, Environment } from './behaviour.ts'
import { PhaseWatch } from './phase-watch.ts'
import { Round } from './round.ts'
import type { StartableActor, StartResult } from './startable-actor.ts'

/** The events that others may send to an actor with chart `M`. */
export type SignalOf<M extends AnyStateMachine> = Exclude<EventFromLogic<M>, LifecycleEvent>

export interface ActorOptions<M extends AnyStateMachine> {
  readonly id: string
  readonly kind: ActorInfo['kind']
  readonly machine: M
  readonly behaviour: Behaviour<SignalOf<M>>
  readonly environment: Environment
  /** How long releases may take before they are left behind. ms, default 5000, Infinity = as long as they take. */
  readonly releaseMs?: number
  /** The same once it was killed. ms, default 1000. */
  readonly killMs?: number
}

const KILL_MS = 1000

/** A limit that comes this much late says that the process hung, or the machine slept: what ended meanwhile is told of in a moment. ms */
const OWN_DELAY_MS = 1000

/** Signals that may wait for an actor that does not run yet; more are refused. */
const MAILBOX_LIMIT = 1024

export class Actor<M extends AnyStateMachine> implements StartableActor {
  readonly id: string
  onExit: ActorHandle['onExit']
  readonly #options: ActorOptions<M>
  readonly #log: Log
  readonly #root: AnyActor
  readonly #createdMs: number
  readonly #mailbox: SignalOf<M>[] = []
  readonly #started = Promise.withResolvers<StartResult>()
  /** Resolves when releases are no longer waited for. */
  readonly #cut = Promise.withResolvers<void>()
  readonly #limit: Deadline
  /** When it is due. Monotonic, ms */
  #limitAtMs = 0
  /** It came late, as this process was held up itself, and was put off. */
  #isLimitLate = false
  readonly #watch = new PhaseWatch()
  #state = ''
  #round: Round<SignalOf<M>> | undefined
  /** The round that a planned restart ends. */
  #outgoing: Round<SignalOf<M>> | undefined
  /** What init, maintain or drain is doing; never rejects. */
  #work: Promise<void> = Promise.resolve()
  #reason: ExitReason | undefined
  #isIgnored = false
  #isKilled = false
  #hasBrokenChart = false

  constructor(options: ActorOptions<M>) {
    const { id, machine, environment, killMs = KILL_MS } = options
    this.id = id
    this.#options = options
    this.#log = environment.log.child({ actor: id })
    this.#createdMs = environment.clock.monotonicMs()
    this.#limit = new Deadline(() => {
      const { clock, deadlines } = environment
      const isOwnDelay = clock.monotonicMs() - this.#limitAtMs > OWN_DELAY_MS
      if (isOwnDelay && !this.#isLimitLate) {
        this.#isLimitLate = true
        return deadlines.set(this.#limit, killMs)
      }
      this.#log.error({}, 'releases took too long and were left behind')
      this.#cut.resolve()
    })
    this.#root = createActor(machine)
    // Without an error observer XState rethrows in a timer, which ends the process.
    this.#root.subscribe({ next: (snapshot: { value: unknown }) => this.#entered(stateName(snapshot.value)), error: error => this.#chartFailed(error) })
    this.#root.start()
  }

  /** State of its chart, such as `init` or `run.attached`. */
  get state(): string {
    return this.#state
  }

  start(): Promise<StartResult> {
    this.#tell('START')
    return this.#started.promise
  }

  /**
   * Hands an event to the chart. Before the actor runs, and during a planned restart, it waits in the mailbox.
   * False: nobody will handle it, since the actor has ended, is about to, or has a full mailbox.
   */
  signal(signal: SignalOf<M>): boolean {
    const phase = phaseOf(this.#state)
    if (phase === 'terminate' || phase === 'exited' || this.#mailbox.length >= MAILBOX_LIMIT) return false
    this.#mailbox.push(signal)
    this.#deliver()
    return true
  }

  /** Resolves to true when its chart is in `phase`, at once if it is; to false when it ended without. */
  reaches(phase: Phase): Promise<boolean> {
    return this.#watch.reaches(phase)
  }

  stop(): void {
    this.#end('STOP', { kind: 'shutdown' })
  }

  kill(): void {
    if (this.#state === 'exited' || this.#isKilled) return
    this.#isKilled = true
    if (this.#reason?.kind !== 'crash') this.#reason = { kind: 'killed' }
    if (this.#state === 'terminate.releasing') this.#limitReleases()
    else this.#tell('KILL')
    try {
      this.#options.behaviour.kill?.()
    } catch (error) {
      this.#log.error({ error }, 'kill failed')
    }
  }

  info(): ActorInfo {
    const { kind, behaviour, environment } = this.#options
    const ageMs = Math.round(environment.clock.monotonicMs() - this.#createdMs)
    return { id: this.id, kind, phase: phaseOf(this.#state), incarnation: 1, restarts: 0, ageMs, mailbox: this.#mailbox.length, detail: behaviour.detail(this.#state), children: [] }
  }

  #tell(type: LifecycleType): void {
    this.#root.send({ type })
  }

  // The first reason stands: what follows an end is part of it.
  #end(type: LifecycleType, reason: ExitReason): void {
    this.#reason ??= reason
    this.#tell(type)
  }

  #fail(thrown: unknown): void {
    if (this.#state === 'terminate.releasing' || this.#state === 'exited') {
      // The same failure again is what ended it, told by two ways.
      if (this.#reason?.kind === 'crash' && this.#reason.error === thrown) return
      // Work that was interrupted says so in its own way; anything else is worth knowing.
      if (!this.#round?.isInterruption(thrown)) this.#log.warn({ error: thrown }, 'failed while it was ending')
      return
    }
    this.#reason = { kind: 'crash', error: thrown instanceof Error ? thrown : BrokerError.from(thrown) }
    this.#tell('FAILED')
  }

  #chartFailed(error: unknown): void {
    this.#reason = { kind: 'crash', error: BrokerError.from(error) }
    this.#hasBrokenChart = true
    if (this.#state !== 'terminate.releasing') this.#entered('terminate.releasing')
  }

  #entered(state: string): void {
    const [phase, previous] = [phaseOf(state), phaseOf(this.#state)]
    if (state === this.#state) return
    this.#state = state
    if (phase !== previous) this.#watch.entered(phase)
    if (state === 'terminate.draining') this.#drain()
    else if (state === 'terminate.releasing') this.#release()
    else if (phase === previous) return
    else if (phase === 'init') this.#init()
    else if (phase === 'run') this.#run()
    else if (phase === 'maintain') this.#maintain()
    else if (phase === 'exited') this.#exit()
  }

  // The chart hears how the work of a state went; it passes over an answer that comes after it has left that state.
  #perform(work: () => Promise<LifecycleType>): void {
    this.#work = work().then(
      answer => this.#tell(answer),
      (error: unknown) => this.#fail(error),
    )
  }

  #init(): void {
    const { behaviour } = this.#options
    this.#outgoing = this.#round
    const round = this.#openRound()
    this.#round = round
    this.#perform(async () => {
      this.#outgoing?.abort()
      if (this.#outgoing !== undefined && !behaviour.overlaps) await this.#outgoing.releases.release(this.#cut.promise)
      if (round.scope.signal.aborted) return 'INITIALISED'
      this.#isIgnored = (await behaviour.init(round.scope)) === 'ignore'
      await this.#outgoing?.releases.release(this.#cut.promise)
      this.#outgoing = undefined
      if (!this.#isIgnored) return 'INITIALISED'
      this.#reason ??= { kind: 'normal' }
      return 'FINISHED'
    })
  }

  // What an earlier round still says is about things that are released.
  #openRound(): Round<SignalOf<M>> {
    const isCurrent = (): boolean => this.#round === round
    const round: Round<SignalOf<M>> = new Round(this.id, this.#log, {
      send: signal => isCurrent() && this.signal(signal),
      fail: error => void (isCurrent() && this.#fail(error)),
      finish: () => void (isCurrent() && this.#end('FINISHED', { kind: 'normal' })),
    })
    return round
  }

  #run(): void {
    this.#started.resolve('ok')
    // Not at once: within a step of the chart XState would queue them all, also those behind one that leads out of run.
    queueMicrotask(() => this.#deliver())
  }

  #deliver(): void {
    while (this.#mailbox.length > 0 && phaseOf(this.#state) === 'run') this.#root.send(this.#mailbox.shift()!)
  }

  #maintain(): void {
    this.#perform(async () => {
      await this.#options.behaviour.maintain?.(this.#round!.scope)
      return 'MAINTAINED'
    })
  }

  #drain(): void {
    this.#perform(async () => {
      await this.#options.behaviour.drain?.(this.#round!.scope)
      return 'DRAINED'
    })
  }

  #release(): void {
    const work = this.#work
    this.#mailbox.length = 0
    this.#limitReleases()
    this.#round?.abort()
    this.#work = this.#releaseAfter(work)
  }

  // Work that was interrupted is waited for: what it acquires meanwhile is on the stack when that is released.
  async #releaseAfter(work: Promise<void>): Promise<void> {
    const cut = this.#cut.promise
    await Promise.race([work, cut])
    await this.#round?.releases.release(cut)
    await this.#outgoing?.releases.release(cut)
    if (!this.#hasBrokenChart) this.#tell('RELEASED')
    if (this.#hasBrokenChart) this.#entered('exited')
  }

  #limitReleases(): void {
    const { environment, releaseMs = 5000, killMs = KILL_MS } = this.#options
    const limitMs = this.#isKilled ? killMs : releaseMs
    if (limitMs === Infinity) return
    this.#limitAtMs = environment.clock.monotonicMs() + limitMs
    environment.deadlines.set(this.#limit, limitMs)
  }

  #exit(): void {
    this.#options.environment.deadlines.cancel(this.#limit)
    const reason = this.#reason!
    try {
      this.onExit?.(reason, this)
    } catch (error) {
      this.#log.error({ error }, 'onExit failed')
    }
    this.#started.resolve(this.#isIgnored ? 'ignore' : reason)
  }
}
