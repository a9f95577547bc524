// Starts children in order, stops them in reverse, restarts those that fail: OTP's supervisor, with backoff beside.
// Knows nothing of what its children do.
//
// What concerns the children is done one piece at a time, in the order it came, as in OTP: an exit that happens during a
// restart is looked at afterwards, and finds its child either restarted with the others or still to be decided. Only a
// restart's delay is not waited for in turn: meanwhile the others are served. So a child must not wait, in its own
// init, for an operation of its supervisor. See docs/adr/0003-own-supervisor.md.

import { Actor, type SignalOf } from './actor.ts'
import { AdoptedChildren } from './adopted.ts'
import type { ActorScope, Environment } from './behaviour.ts'
import { Child, type ChildStart } from './child.ts'
import { checkChildSpecs, checkSupervisor, SHUTDOWN_MS, type ChildSpec } from './child-spec.ts'
import { INTENSITY, PERIOD_MS, Restarter, type RestartOptions } from './restarter.ts'
import { Serial } from './serial.ts'
import type { StartableActor, StartResult } from './startable-actor.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { ActorHandle, ActorInfo } from '../broker/ground/types.ts'
import { supervisorMachine } from '../machines/supervisor.ts'

export interface SupervisorOptions extends RestartOptions {
  /** In start order. */
  readonly children: readonly ChildSpec[]
  /** Time that adopted children have to stop, all together. ms, default 5000. */
  readonly adoptedShutdownMs?: number
  readonly environment: Environment
}

export class Supervisor implements StartableActor {
  readonly id: string
  onExit: ActorHandle['onExit']
  readonly #options: SupervisorOptions
  readonly #environment: Environment
  readonly #actor: Actor<typeof supervisorMachine>
  /** In start order. */
  readonly #children = new Map<string, Child>()
  readonly #adopted: AdoptedChildren
  readonly #restarter: Restarter
  readonly #turns = new Serial()
  #scope: ActorScope<SignalOf<typeof supervisorMachine>> | undefined

  /** @throws BrokerError `supervisor.bad_child_spec`; nothing was started then */
  constructor(options: SupervisorOptions) {
    const { id, strategy, intensity = INTENSITY, periodMs = PERIOD_MS, children, environment } = options
    checkSupervisor(id, intensity, periodMs)
    checkChildSpecs(children, intensity)
    this.id = id
    this.#options = options
    this.#environment = { ...environment, log: environment.log.child({ supervisor: id }) }
    this.#adopted = new AdoptedChildren(this.#environment, options.adoptedShutdownMs ?? SHUTDOWN_MS)
    this.#restarter = this.#makeRestarter()
    for (const spec of children) this.#children.set(spec.id, this.#makeChild(spec))
    this.#actor = new Actor({
      id,
      kind: 'supervisor',
      machine: supervisorMachine,
      environment,
      // Every child has limits of its own, and nobody knows what they add up to.
      releaseMs: Infinity,
      killMs: Infinity,
      behaviour: {
        init: scope => this.#init(scope),
        kill: () => this.#killAll(),
        detail: state => (state === 'run.restarting' ? `${strategy}, ${this.#restarter.waiting} to restart` : strategy),
      },
    })
    this.#actor.onExit = reason => this.onExit?.(reason, this)
  }

  /** Starts the children in order. When one fails, those before it are stopped in reverse and the supervisor ends with its error. */
  start(): Promise<StartResult> {
    return this.#actor.start()
  }

  /** Stops the children in reverse order, each within its time, and ends. */
  stop(): void {
    this.#actor.stop()
  }

  /** Kills the children and ends when they are gone. */
  kill(): void {
    this.#actor.kill()
  }

  /** Stops all children in reverse order and starts them again: a planned restart, which counts as no failure. False when it is about to end. */
  restart(): boolean {
    return this.#actor.signal({ type: 'MAINTAIN' })
  }

  info(childLimit = Infinity): ActorInfo {
    const children: ActorInfo[] = []
    for (const source of [this.#children.values(), this.#adopted.values()]) {
      for (const child of source) {
        if (children.length >= childLimit) break
        children.push(child.info(childLimit))
      }
    }
    const childCount = this.#children.size + this.#adopted.size
    return { ...this.#actor.info(), children, ...(childCount > children.length && { childCount }) }
  }

  /** The actor of a child that has a spec; undefined while it is down, and for unknown ids. */
  find(id: string): StartableActor | undefined {
    return this.#children.get(id)?.actor
  }

  /**
   * Adds a child at the end of the start order and starts it. Undefined: it found nothing to do, or has ended already.
   * Rejects with `supervisor.bad_child_spec`, with `actor.ended` when supervisor or child is stopped meanwhile, or with
   * why the child did not start; its spec is not kept then.
   */
  startChild(spec: ChildSpec): Promise<StartableActor | undefined> {
    return this.#inTurn(async () => {
      const sameId = this.#children.get(spec.id)
      checkChildSpecs(sameId === undefined ? [spec] : [sameId.spec, spec], this.#options.intensity ?? INTENSITY)
      const child = this.#makeChild(spec)
      this.#children.set(spec.id, child)
      const result = await child.start()
      const isKept = result === 'ok' || (result === 'ignore' && spec.restart !== 'temporary')
      if (!isKept) this.#children.delete(spec.id)
      return actorOf(child, result)
    })
  }

  /**
   * Stops a child; its spec stays, except that of a temporary one. When its group restarts it is started with it, as in OTP.
   * Rejects with `supervisor.unknown_child` or `actor.ended`.
   */
  async stopChild(id: string): Promise<void> {
    const child = this.#known(id)
    child.interrupt()
    await this.#inTurn(async () => {
      this.#restarter.forgo(child)
      await child.stop()
      if (child.isForgotten) this.#children.delete(id)
    })
  }

  /** Stops a child and forgets it; those that were down with it, as it was in quarantine, start. Rejects as `stopChild` does. */
  async removeChild(id: string): Promise<void> {
    const child = this.#known(id)
    child.interrupt()
    await this.#inTurn(async () => {
      this.#restarter.forgo(child)
      await child.stop()
      this.#children.delete(id)
      if (!this.#isEnding) await this.#restarter.startWith(child)
    })
  }

  /**
   * Starts a child that was stopped or ended for good, as its next incarnation; one in quarantine leaves it, and those that
   * went down with it start too. Undefined: it found nothing to do.
   * Rejects with `supervisor.unknown_child`, `supervisor.child_busy` unless it is down, `actor.ended`, or with why it
   * did not start; its spec is kept.
   */
  restartChild(id: string): Promise<StartableActor | undefined> {
    return this.#inTurn(async () => {
      const child = this.#known(id)
      if (child.state !== 'down') throw new BrokerError('supervisor.child_busy', { child: id, state: child.state })
      child.failures = 0
      const { quarantine, note } = child
      const result = await child.start()
      if (result instanceof Error) Object.assign(child, { quarantine, note })
      else if (!this.#isEnding) await this.#restarter.startWith(child)
      return actorOf(child, result)
    })
  }

  /** Starts a deferred child at its time, as `restartChild` does; one in quarantine, or that is down with it, is `supervisor.child_busy` as well. */
  startDeferred(id: string): Promise<StartableActor | undefined> {
    const child = this.#known(id)
    if (child.isHeldDown) return Promise.reject(new BrokerError('supervisor.child_busy', { child: id, state: 'in quarantine' }))
    return this.restartChild(id)
  }

  /**
   * Takes over an actor that runs already, as a temporary child without a spec: it is stopped before those that have
   * one, and forgotten when it ends. False when the supervisor does not run or is about to end: the caller ends the actor.
   * @throws BrokerError `supervisor.bad_child_spec` unless the strategy is oneForOne: no sibling shares an adopted child's fate
   */
  adopt(handle: ActorHandle): boolean {
    const { strategy } = this.#options
    if (strategy !== 'oneForOne') throw new BrokerError('supervisor.bad_child_spec', { child: handle.id, problem: `a supervisor with strategy ${strategy} adopts nobody` })
    if (this.#isEnding) return false
    this.#adopted.add(handle)
    return true
  }

  async #init(scope: ActorScope<SignalOf<typeof supervisorMachine>>): Promise<void> {
    this.#scope = scope
    scope.signal.addEventListener('abort', () => this.#interrupt(), { once: true })
    scope.defer(() => this.#turns.run(() => this.#stopAll()))
    await this.#turns.run(async () => {
      for (const child of this.#children.values()) {
        if (this.#isEnding) return
        if (child.spec.isDeferred === true) continue
        const result = await child.start()
        // Told within this turn: those started already may have ended meanwhile, and nobody shall restart them now.
        if (result instanceof Error) return scope.fail(result)
        if (result === 'ignore' && child.spec.restart === 'temporary') this.#children.delete(child.spec.id)
      }
    })
  }

  get #isEnding(): boolean {
    return this.#scope === undefined || this.#scope.signal.aborted
  }

  // What is under way ends soon, so that stopping gets its turn.
  #interrupt(): void {
    this.#restarter.clear()
    for (const child of this.#children.values()) child.interrupt()
  }

  async #stopAll(): Promise<void> {
    await this.#adopted.stopAll()
    for (const child of [...this.#children.values()].reverse()) await child.stop()
  }

  #killAll(): void {
    this.#adopted.killAll()
    for (const child of this.#children.values()) child.kill()
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#turns.run(() => {
      if (this.#isEnding) throw new BrokerError('actor.ended', { actor: this.id })
      return work()
    })
  }

  #makeRestarter(): Restarter {
    return new Restarter(this.#options, this.#environment, {
      children: this.#children,
      isEnding: () => this.#isEnding,
      inTurn: work => void this.#turns.run(async () => this.#isEnding || work()).catch((error: unknown) => this.#scope?.fail(error)),
      escalate: error => this.#scope?.fail(error),
      changed: isRestarting => void this.#scope?.send({ type: isRestarting ? 'RESTARTING' : 'STEADY' }),
    })
  }

  #makeChild(spec: ChildSpec): Child {
    return new Child(spec, this.#environment, (child, reason) => this.#restarter.exited(child, reason))
  }

  #known(id: string): Child {
    const child = this.#children.get(id)
    if (child === undefined) throw new BrokerError('supervisor.unknown_child', { supervisor: this.id, child: id })
    return child
  }
}

function actorOf(child: Child, result: ChildStart): StartableActor | undefined {
  if (result === 'interrupted') throw new BrokerError('actor.ended', { actor: child.spec.id })
  if (result instanceof Error) throw result
  return child.actor
}
