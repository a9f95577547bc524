// What the charts of all actors share: the phases of a life and the events between them. Does no work and keeps no time.
//
//   create ─START─▶ init ─INITIALISED─▶ run ─MAINTAIN─▶ maintain
//                    ▲                                     │
//                    └───── MAINTAINED (planned restart) ──┘
//
//   STOP                     run, maintain ▶ terminate.draining ─DRAINED─▶ terminate.releasing ─RELEASED─▶ exited
//   FINISHED, FAILED, KILL   any of them   ▶ terminate.releasing
//
// The names of the states are the contract with whoever runs a chart: it does the work of the state that was entered
// and answers with the event that ends it. So a chart has no actions, needs no context, and its snapshots can be shared.

import type { Phase } from '../broker/ground/types.ts'

/** Events of whoever runs the chart. Nobody else sends them. */
export type LifecycleType =
  | 'START'
  /** init is done. */
  | 'INITIALISED'
  /** The planned work of maintain is done. */
  | 'MAINTAINED'
  /** The actor ended by itself, in order. */
  | 'FINISHED'
  /** The actor cannot go on. */
  | 'FAILED'
  /** Somebody wants it to end in order. */
  | 'STOP'
  /** Somebody wants it to end now. */
  | 'KILL'
  /** Accepted work is finished. */
  | 'DRAINED'
  /** All that it owned is released. */
  | 'RELEASED'

/** One member `{ type }` per name. */
export type EventOf<Type extends string> = Type extends string ? { readonly type: Type } : never

export type LifecycleEvent = EventOf<LifecycleType>

const end = { FINISHED: 'terminate.releasing', FAILED: 'terminate.releasing', KILL: 'terminate.releasing' } as const

/** Transitions of a phase that holds accepted work: STOP drains it first. */
export const endInOrder = { STOP: 'terminate.draining', ...end } as const

/** Transitions of a phase that has accepted nothing yet. */
const endAtOnce = { STOP: 'terminate.releasing', ...end } as const

/** The phases as they are for every actor; a chart adds `run`, and `maintain` where it differs. */
export const phases = {
  create: { on: { START: 'init', ...endAtOnce } },
  init: { on: { INITIALISED: 'run', ...endAtOnce } },
  maintain: { on: { MAINTAINED: 'init', ...endInOrder } },
  terminate: {
    initial: 'draining',
    states: {
      draining: { on: { DRAINED: 'releasing', FINISHED: 'releasing', FAILED: 'releasing', KILL: 'releasing' } },
      releasing: { on: { RELEASED: 'released' } },
      released: { type: 'final' },
    },
    onDone: 'exited',
  },
  exited: { type: 'final' },
} as const

/** The active state of a chart as text: `init`, `run.stalled`, `terminate.draining`. */
export function stateName(value: unknown): string {
  if (typeof value === 'string') return value
  const [[name, inner] = ['', '']] = Object.entries(value as Record<string, unknown>)
  return `${name}.${stateName(inner)}`
}

/** The phase that a state belongs to: that of `run.stalled` is `run`. */
export function phaseOf(state: string): Phase {
  const dot = state.indexOf('.')
  return (dot < 0 ? state : state.slice(0, dot)) as Phase
}
