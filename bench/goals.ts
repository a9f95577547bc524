// What a measured broker has to reach, as data, and how a figure is held against it.

import { formatTable } from './measure/table.ts'
import type { ServerName, Way } from './server/server.ts'

/** The broker's deliveries per CPU second over those of another server. */
export interface RatioGoal {
  readonly way: Way
  readonly workload: string
  readonly versus: ServerName
  readonly atLeast: number
}

export const ratioGoals: readonly RatioGoal[] = [
  { way: 'ws', workload: 'A', versus: 'relay', atLeast: 0.7 },
  { way: 'ws', workload: 'B100', versus: 'relay', atLeast: 0.7 },
  { way: 'ws', workload: 'C1', versus: 'relay', atLeast: 0.7 },
  { way: 'ws', workload: 'A', versus: 'nats', atLeast: 1.5 },
  { way: 'ws', workload: 'B100', versus: 'nats', atLeast: 3 },
  { way: 'ws', workload: 'C', versus: 'nats', atLeast: 1.5 },
  { way: 'nats', workload: 'A', versus: 'nats', atLeast: 1.3 },
  { way: 'nats', workload: 'B100', versus: 'nats', atLeast: 1.2 },
  { way: 'nats', workload: 'B1000', versus: 'nats', atLeast: 1.1 },
  { way: 'nats', workload: 'C', versus: 'nats', atLeast: 1.6 },
  { way: 'nats', workload: 'Cmix', versus: 'nats', atLeast: 1.2 },
  { way: 'nats', workload: 'C1', versus: 'nats', atLeast: 1.2 },
  { way: 'nats', workload: 'D64', versus: 'nats', atLeast: 0.9 },
  { way: 'nats', workload: 'F', versus: 'nats', atLeast: 0.95 },
  { way: 'nats-ws', workload: 'A', versus: 'nats', atLeast: 1.3 },
  { way: 'nats-ws', workload: 'B100', versus: 'nats', atLeast: 1.3 },
  { way: 'nats-ws', workload: 'C', versus: 'nats', atLeast: 1.3 },
]

/** Resident bytes of an idle authenticated connection, at most. */
export const idleGoals: Readonly<Partial<Record<Way, number>>> = { ws: 16 * 1024 }

/** The broker's bytes for an idle connection over those of nats-server, at most. */
export const idleRatioGoals: Readonly<Partial<Record<Way, number>>> = { nats: 0.6 }

/** A figure beside what it should be. */
export interface Verdict {
  readonly what: string
  readonly goal: string
  readonly figure: string
  readonly isMet: boolean
}

export function formatVerdicts(verdicts: readonly Verdict[]): string {
  return formatTable(
    ['goal', 'verdict', 'asked', 'found'],
    verdicts.map(({ what, goal, figure, isMet }) => [what, isMet ? 'met' : 'missed', goal, figure]),
  )
}
