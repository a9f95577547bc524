// What a supervisor should do, said once more without time, promises or actors: the reference that the real one is
// held against. Written from OTP's documentation, not from the code it checks.

import type { RestartType } from '../../actors/child-spec.ts'
import type { Strategy } from '../../actors/strategy.ts'
import type { BackoffSettings } from '../../broker/ground/settings.ts'
import type { exits, StartScript } from './fake-child.ts'

export interface ModelSpec {
  readonly id: string
  readonly restart: RestartType
  readonly backoff?: BackoffSettings
  readonly intensity?: number
  readonly periodMs?: number
}

export interface ModelOptions {
  readonly strategy: Strategy
  readonly intensity: number
  readonly periodMs: number
  readonly steadyMs: number
}

interface ModelChild {
  readonly spec: ModelSpec
  readonly scripts: StartScript[]
  state: 'down' | 'running' | 'exited' | 'waiting'
  incarnation: number
  failures: number
  runsSinceMs: number
  dueMs: number
  /** When it failed by itself. */
  failedMs: number[]
  isQuarantined: boolean
  downWith: ModelChild | undefined
}

export class SupervisorModel {
  readonly log: string[] = []
  nowMs = 0
  /** How it ended; undefined while it runs. */
  ended: 'shutdown' | 'failed start' | 'intensity' | undefined
  children: ModelChild[]
  readonly #options: ModelOptions
  readonly #restartTimes: number[] = []
  /** What has happened and was not looked at yet. */
  #inbox: (() => void)[] = []

  constructor(options: ModelOptions, specs: readonly ModelSpec[]) {
    this.#options = options
    this.children = specs.map(newChild)
  }

  /** `a#2 run` for every child, in start order. */
  get tree(): string[] {
    return this.children.map(({ spec, incarnation, state, isQuarantined }) => `${spec.id}#${incarnation} ${state === 'running' ? 'run' : state === 'waiting' ? 'create' : 'exited'}${isQuarantined ? ' in quarantine' : ''}`)
  }

  child(id: string): ModelChild | undefined {
    return this.children.find(child => child.spec.id === id)
  }

  startAll(): void {
    for (const child of this.children) {
      const outcome = this.#start(child)
      if (outcome === 'failed') return this.#end('failed start')
      if (outcome === 'ignored' && child.spec.restart === 'temporary') this.#remove(child)
    }
    this.#look()
  }

  stopAll(): void {
    this.#end('shutdown')
  }

  restartAll(): void {
    for (const child of this.children.toReversed()) this.#stop(child)
    this.startAll()
  }

  /** Children that ended by themselves before the supervisor looks. */
  exit(...ended: readonly (readonly [string, keyof typeof exits])[]): void {
    for (const [id, kind] of ended) this.#exited(this.child(id)!, kind)
    this.#look()
  }

  startChild(spec: ModelSpec, scripts: readonly StartScript[]): void {
    const child = newChild(spec)
    child.scripts.push(...scripts)
    this.children.push(child)
    const outcome = this.#start(child)
    if (outcome === 'failed' || (outcome === 'ignored' && spec.restart === 'temporary')) this.#remove(child)
    this.#look()
  }

  stopChild(id: string): void {
    const child = this.child(id)!
    this.#stop(child)
    if (child.spec.restart === 'temporary') this.#remove(child)
  }

  removeChild(id: string): void {
    const gone = this.child(id)
    this.stopChild(id)
    this.children = this.children.filter(child => child.spec.id !== id)
    for (const held of this.children.filter(each => each.downWith === gone)) if (this.ended === undefined && held.downWith === gone && this.#start(held) === 'failed') this.#failed(held)
    this.#look()
  }

  restartChild(id: string): void {
    const child = this.child(id)!
    if (child.state !== 'down') return
    child.failures = 0
    const { isQuarantined } = child
    if (this.#start(child) === 'failed') child.isQuarantined = isQuarantined
    else for (const held of this.children.filter(each => each.downWith === child)) if (this.ended === undefined && held.downWith === child && this.#start(held) === 'failed') this.#failed(held)
    this.#look()
  }

  advance(ms: number): void {
    const targetMs = this.nowMs + ms
    for (;;) {
      const nextMs = Math.min(...this.children.filter(child => child.state === 'waiting').map(child => child.dueMs))
      if (this.ended !== undefined || nextMs > targetMs) break
      this.nowMs = nextMs
      const due = this.children.filter(child => child.state === 'waiting' && child.dueMs === nextMs)
      if (this.#isGroup) this.#startInOrder(due)
      // Alone they start in the order in which they failed; the inbox is looked at after all that were due.
      else for (const child of due.toSorted((one, other) => this.#failedAt.indexOf(one) - this.#failedAt.indexOf(other))) this.#startInOrder([child])
      this.#look()
    }
    this.nowMs = targetMs
  }

  readonly #failedAt: ModelChild[] = []

  get #isGroup(): boolean {
    return this.#options.strategy !== 'oneForOne'
  }

  #look(): void {
    for (let event = this.#inbox.shift(); event !== undefined; event = this.#inbox.shift()) if (this.ended === undefined) event()
  }

  #start(child: ModelChild): 'ok' | 'ignored' | 'failed' {
    const script = child.scripts.shift() ?? 'ok'
    child.incarnation++
    this.log.push(`start ${child.spec.id}#${child.incarnation}`)
    child.state = 'down'
    child.isQuarantined = false
    child.downWith = undefined
    if (script === 'ok' || script === 'brief') {
      child.state = 'running'
      child.runsSinceMs = this.nowMs
      if (script === 'brief') this.#exited(child, 'crash')
      return 'ok'
    }
    if (script !== 'throw') this.log.push(`exit ${child.spec.id}`)
    return script === 'ignore' ? 'ignored' : 'failed'
  }

  #exited(child: ModelChild, kind: keyof typeof exits): void {
    this.log.push(`exit ${child.spec.id}`)
    this.#ranUntilNow(child)
    child.state = 'exited'
    const { incarnation } = child
    this.#inbox.push(() => {
      if (child.state !== 'exited' || child.incarnation !== incarnation) return
      const isFailure = child.spec.restart === 'permanent' || (child.spec.restart === 'transient' && (kind === 'crash' || kind === 'killed'))
      if (isFailure) this.#failed(child)
      else if (child.spec.restart === 'temporary') this.#remove(child)
      else child.state = 'down'
    })
  }

  #ranUntilNow(child: ModelChild): void {
    if (this.nowMs - child.runsSinceMs >= this.#options.steadyMs) child.failures = 0
  }

  #stop(child: ModelChild): void {
    if (child.state === 'running') {
      this.log.push(`stop ${child.spec.id}`, `exit ${child.spec.id}`)
      this.#ranUntilNow(child)
    }
    child.state = 'down'
  }

  #remove(child: ModelChild): void {
    this.children = this.children.filter(other => other !== child)
  }

  #failed(culprit: ModelChild): void {
    const { strategy, intensity, periodMs } = this.#options
    culprit.failedMs.push(this.nowMs)
    if (culprit.failedMs.filter(time => time >= this.nowMs - (culprit.spec.periodMs ?? 60_000)).length > (culprit.spec.intensity ?? Infinity)) return this.#quarantine(culprit)
    this.#restartTimes.push(this.nowMs)
    if (this.#restartTimes.filter(time => time >= this.nowMs - periodMs).length > intensity) return this.#end('intensity')
    culprit.failures++
    const { backoff } = culprit.spec
    const delayMs = backoff === undefined ? 0 : Math.min(backoff.maxMs, backoff.initialMs * backoff.multiplier ** (culprit.failures - 1))
    const waiting = this.#isGroup ? this.children.filter(child => child.state === 'waiting') : []
    const from = strategy === 'oneForAll' ? 0 : this.children.indexOf(culprit)
    const group = (strategy === 'oneForOne' ? [culprit] : this.children.slice(from)).filter(child => !child.isQuarantined && child.downWith === undefined)
    for (const child of group.toReversed()) {
      this.#stop(child)
      if (child.spec.restart === 'temporary') this.#remove(child)
    }
    const restarting = new Set([...waiting, ...group.filter(child => child.spec.restart !== 'temporary')])
    const dueMs = Math.max(this.nowMs + delayMs, ...waiting.map(child => child.dueMs))
    for (const child of restarting) {
      child.state = 'waiting'
      child.dueMs = dueMs
    }
    this.#failedAt.push(...this.#failedAt.splice(0).filter(other => other !== culprit), culprit)
    if (dueMs === this.nowMs) this.#startInOrder(this.children.filter(child => restarting.has(child)))
  }

  #quarantine(culprit: ModelChild): void {
    const { strategy } = this.#options
    const from = strategy === 'oneForAll' ? 0 : this.children.indexOf(culprit)
    for (const child of strategy === 'oneForOne' ? [] : this.children.slice(from).toReversed()) {
      if (child === culprit || child.state === 'down') continue
      this.#stop(child)
      if (child.spec.restart === 'temporary') this.#remove(child)
      else child.downWith = culprit
    }
    culprit.failedMs = []
    culprit.state = 'down'
    culprit.isQuarantined = true
  }

  #startInOrder(due: readonly ModelChild[]): void {
    for (const child of due) {
      if (this.ended !== undefined) return
      if (this.#start(child) === 'failed') return this.#failed(child)
    }
  }

  #end(how: 'shutdown' | 'failed start' | 'intensity'): void {
    this.ended = how
    for (const child of this.children.toReversed()) this.#stop(child)
  }
}

function newChild(spec: ModelSpec): ModelChild {
  return { spec, scripts: [], state: 'down', incarnation: 0, failures: 0, runsSinceMs: Infinity, dueMs: 0, failedMs: [], isQuarantined: false, downWith: undefined }
}
