// Scripted children for supervisors: what their starts and stops do is told by the test, what happened is kept.

import type { ChildSpec } from '../../actors/child-spec.ts'
import type { StartableActor, StartResult } from '../../actors/startable-actor.ts'
import type { ActorHandle, ActorInfo, ExitReason } from '../../broker/ground/types.ts'

/** How a child starts: runs, runs and crashes before anybody looks, finds nothing to do, fails, throws when it is made, or never comes to an end. */
export type StartScript = 'ok' | 'brief' | 'ignore' | 'fail' | 'throw' | 'hang'
/** How it takes a stop: at once, never (a kill ends it), or not even a kill. */
export type StopScript = 'obey' | 'ignore' | 'immortal'

/** The exits that OTP's test suite tells apart. */
export const exits = {
  normal: { kind: 'normal' },
  shutdown: { kind: 'shutdown' },
  killed: { kind: 'killed' },
  crash: { kind: 'crash', error: new Error('crash') },
} as const satisfies Record<string, ExitReason>

/** One group of scripted children. `log` holds `start a#1`, `stop a`, `kill a`, `exit a` in order. */
export class FakeChildren {
  readonly log: string[] = []
  readonly #running = new Map<string, FakeActor>()
  readonly #starts = new Map<string, StartScript[]>()
  readonly #stops = new Map<string, StopScript>()

  /** A spec whose actors follow the scripts of its id; by default they start and stop at once. */
  spec(id: string, more: Partial<ChildSpec> = {}): ChildSpec {
    return {
      id,
      kind: 'agent',
      restart: 'permanent',
      create: incarnation => {
        const script = this.#starts.get(id)?.shift() ?? 'ok'
        this.log.push(`start ${id}#${incarnation}`)
        if (script === 'throw') throw new Error(`${id} cannot be made`)
        return new FakeActor(this, id, script, this.#stops.get(id) ?? 'obey')
      },
      ...more,
    }
  }

  /** What the next starts of `id` do, in order; later ones are ok. */
  nextStarts(id: string, ...scripts: StartScript[]): void {
    this.#starts.set(id, scripts)
  }

  /** How the actors of `id` that are made from now on take a stop. */
  onStop(id: string, script: StopScript): void {
    this.#stops.set(id, script)
  }

  /** Ends a child that runs, by itself. */
  exit(id: string, reason: ExitReason): void {
    this.#running.get(id)!.end(reason)
  }

  /** Ids of those that have started and not ended, in the order they started. */
  get running(): string[] {
    return [...this.#running.keys()]
  }

  began(actor: FakeActor): void {
    this.#running.set(actor.id, actor)
  }

  ended(actor: FakeActor): void {
    this.#running.delete(actor.id)
    this.log.push(`exit ${actor.id}`)
  }

  /** The log since the last call. */
  takeLog(): string[] {
    return this.log.splice(0)
  }
}

class FakeActor implements StartableActor {
  readonly id: string
  onExit: ActorHandle['onExit']
  readonly #children: FakeChildren
  readonly #start: StartScript
  readonly #stop: StopScript
  readonly #started = Promise.withResolvers<StartResult>()
  #hasEnded = false

  constructor(children: FakeChildren, id: string, start: StartScript, stop: StopScript) {
    this.#children = children
    this.id = id
    this.#start = start
    this.#stop = stop
  }

  start(): Promise<StartResult> {
    if (this.#start === 'ok' || this.#start === 'brief') {
      this.#children.began(this)
      this.#started.resolve('ok')
      if (this.#start === 'brief') this.end(exits.crash)
    } else if (this.#start === 'ignore') this.end({ kind: 'normal' }, 'ignore')
    else if (this.#start === 'fail') this.end({ kind: 'crash', error: new Error(`${this.id} failed to start`) })
    return this.#started.promise
  }

  stop(): void {
    this.#children.log.push(`stop ${this.id}`)
    if (this.#stop === 'obey') this.end({ kind: 'shutdown' })
  }

  kill(): void {
    this.#children.log.push(`kill ${this.id}`)
    if (this.#stop !== 'immortal') this.end({ kind: 'killed' })
  }

  end(reason: ExitReason, result: StartResult = reason): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#children.ended(this)
    this.onExit?.(reason, this)
    this.#started.resolve(result)
  }

  info(): ActorInfo {
    return { id: this.id, kind: 'agent', phase: 'run', incarnation: 1, restarts: 0, ageMs: 0, mailbox: 0, detail: '', children: [] }
  }
}
