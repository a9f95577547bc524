// What a supervisor is told about a child before it exists, and whether that makes sense. Starts nothing.

import { BrokerError } from '../broker/ground/errors.ts'
import type { BackoffSettings } from '../broker/ground/settings.ts'
import type { ActorInfo, ExitReason } from '../broker/ground/types.ts'
import type { StartableActor } from './startable-actor.ts'

/** permanent: started anew whatever the exit. transient: after `crash` and `killed`. temporary: never, and forgotten at once. */
export type RestartType = 'permanent' | 'transient' | 'temporary'

/** What a supervisor does about a child that ended. `down`: nothing; `escalate`: it ends itself; `stopped`: the end was asked for. */
export type ChildNext = { readonly kind: 'restart'; /** ms */ readonly delayMs: number } | { readonly kind: 'quarantine'; readonly reason: string } | { readonly kind: 'down' | 'escalate' | 'stopped' }

export interface ChildEnd {
  readonly incarnation: number
  readonly reason: ExitReason
  readonly next: ChildNext
}

export interface ChildSpec {
  /** Unique among its siblings. */
  readonly id: string
  readonly kind: ActorInfo['kind']
  readonly restart: RestartType
  /** It is down until `restartChild` starts it, and stays known when it ends, a temporary one too. Not for permanent ones. */
  readonly isDeferred?: boolean
  /** Makes the actor without starting it; called once per incarnation, 1 being the first. What it throws is a failed start. */
  create(incarnation: number): StartableActor
  /** How long it may take to run. ms, above 0; default 30000, for supervisors Infinity: their children have limits of their own. */
  readonly startMs?: number
  /** Time between stop and kill. ms; 0 kills at once. Default 5000, for supervisors Infinity, which others must not have. */
  readonly shutdownMs?: number
  /** How long it may take to end once it was killed; then it is left behind. ms, default 5000 */
  readonly killMs?: number
  /** Without it restarts follow at once, until the supervisor's intensity is exceeded. */
  readonly backoff?: BackoffSettings
  /** Having run this long, it starts again with the shortest delay. ms, default 60000. */
  readonly steadyMs?: number
  /** Told of each end of an incarnation, or of its failure to start, once it is known what follows. */
  readonly onEnd?: (end: ChildEnd) => void
  /** Restarts for failures of its own that are borne within `periodMs`; with one more it stays down, in quarantine, until somebody starts it. 0 and more, default Infinity. */
  readonly intensity?: number
  /** ms, above 0, default 60000. */
  readonly periodMs?: number
}

export const START_MS = 30_000
export const SHUTDOWN_MS = 5000
/** A killed actor releases within a second of its own; one that takes this much longer is left behind. */
export const KILL_MS = 5000
export const STEADY_MS = 60_000
export const CHILD_PERIOD_MS = 60_000

const RESTART_TYPES: readonly string[] = ['permanent', 'transient', 'temporary']

/**
 * Checks what a supervisor is told about itself.
 * @throws BrokerError `supervisor.bad_child_spec` naming the supervisor
 */
export function checkSupervisor(id: string, intensity: number, periodMs: number): void {
  const problem = intensityProblem(intensity, periodMs)
  if (problem !== undefined) throw new BrokerError('supervisor.bad_child_spec', { child: id, problem })
}

/**
 * Checks specs against each other and against the supervisor's intensity, before anything starts.
 * @throws BrokerError `supervisor.bad_child_spec` naming the first child that is wrong
 */
export function checkChildSpecs(specs: readonly ChildSpec[], intensity: number): void {
  const seen = new Set<string>()
  for (const spec of specs) {
    const problem = seen.has(spec.id) ? 'another child has that id' : problemOf(spec, intensity)
    if (problem !== undefined) throw new BrokerError('supervisor.bad_child_spec', { child: spec.id, problem })
    seen.add(spec.id)
  }
}

function intensityProblem(intensity: number, periodMs: number): string | undefined {
  if (intensity !== Infinity && !(Number.isInteger(intensity) && intensity >= 0)) return `intensity must be an integer of 0 and more or Infinity, got ${intensity}`
  if (!(periodMs > 0 && Number.isFinite(periodMs))) return `periodMs must be above 0, got ${periodMs}`
  return undefined
}

function problemOf({ id, kind, restart, isDeferred, startMs, shutdownMs, killMs, backoff, steadyMs, intensity: own = Infinity, periodMs = CHILD_PERIOD_MS }: ChildSpec, intensity: number): string | undefined {
  if (id === '') return 'its id is empty'
  if (!RESTART_TYPES.includes(restart)) return `restart must be one of ${RESTART_TYPES.join(', ')}, got ${restart}`
  if (isDeferred === true && restart === 'permanent') return 'one that waits to be started cannot be permanent, as that would start it again whenever it ends'
  if (startMs !== undefined && !(startMs > 0)) return `startMs must be above 0, got ${startMs}`
  if (shutdownMs !== undefined && !(shutdownMs >= 0)) return `shutdownMs must be 0 or more, got ${shutdownMs}`
  if (shutdownMs === Infinity && kind !== 'supervisor') return 'shutdownMs may be Infinity for supervisors alone: others may hang'
  if (killMs !== undefined && !(killMs >= 0 && Number.isFinite(killMs))) return `killMs must be 0 or more, got ${killMs}`
  if (steadyMs !== undefined && !(steadyMs >= 0)) return `steadyMs must be 0 or more, got ${steadyMs}`
  const ownProblem = intensityProblem(own, periodMs)
  if (ownProblem !== undefined) return ownProblem
  if (backoff !== undefined) return backoffProblem(backoff)
  // A child that fails at each start would be started for ever, and nothing else would get a turn.
  if (intensity === Infinity && restart !== 'temporary') return 'it needs a backoff, since its supervisor bears any number of restarts'
  return undefined
}

function backoffProblem({ initialMs, maxMs, multiplier, jitter }: BackoffSettings): string | undefined {
  if (!(initialMs > 0 && Number.isFinite(initialMs))) return `backoff.initialMs must be above 0, got ${initialMs}`
  if (!(maxMs >= initialMs && Number.isFinite(maxMs))) return `backoff.maxMs must be at least initialMs ${initialMs}, got ${maxMs}`
  if (!(multiplier >= 1 && Number.isFinite(multiplier))) return `backoff.multiplier must be at least 1, got ${multiplier}`
  if (!(jitter >= 0 && jitter <= 1)) return `backoff.jitter must be 0..1, got ${jitter}`
  return undefined
}
