// What recording costs, from profiles and from pairs of runs with it and without.

import { formatVerdicts, type Verdict } from '../goals.ts'
import { summarise, type Summary } from '../measure/stats.ts'

/** Of the broker's CPU time, at most. */
const GOAL_SHARE = 0.05

/** One workload's figures, one entry per pair; shares of 1. */
export interface RecorderCost {
  readonly workload: string
  /** Self time of the recorder in a profile. */
  readonly profiled: readonly number[]
  /** 1 − deliveries per CPU second with recording over those without; noise may be below 0. */
  readonly paired: readonly number[]
}

export function judgeRecorder(costs: readonly RecorderCost[]): readonly Verdict[] {
  return costs.flatMap(({ workload, profiled, paired }) => [
    ...(profiled.length === 0 ? [] : [verdict(`${workload}, self time in ${profiled.length} profiles`, summarise(profiled))]),
    ...(paired.length === 0 ? [] : [verdict(`${workload}, with and without in ${paired.length} pairs`, summarise(paired))]),
  ])
}

export function formatRecorder(costs: readonly RecorderCost[]): string {
  return formatVerdicts(judgeRecorder(costs))
}

function verdict(what: string, { median, min, max }: Summary): Verdict {
  return { what, goal: `≤ ${percent(GOAL_SHARE)}`, figure: `${percent(median)} (${percent(min)} to ${percent(max)})`, isMet: median <= GOAL_SHARE }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
