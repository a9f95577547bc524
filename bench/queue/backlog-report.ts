// What a queue with a large backlog did, in a table, and what it should do.

import { formatVerdicts, type Verdict } from '../goals.ts'
import { formatRate, formatTable } from '../measure/table.ts'
import type { StepOutcome } from './job.ts'

const MIB = 1024 * 1024
const goals = { residentMib: 300, startSeconds: 2 } as const

export interface BacklogFigures {
  readonly fill: StepOutcome
  readonly publish: StepOutcome
  readonly consume: StepOutcome
  /** The most that was resident at any time. bytes */
  readonly peakBytes: number
  /** Spawn to the first answer that says what the queue holds. s */
  readonly startSeconds: number
  /** The same after kill -9. s */
  readonly startKilledSeconds: number
}

export function judgeBacklog({ peakBytes, startSeconds, startKilledSeconds }: BacklogFigures): readonly Verdict[] {
  const start = (what: string, seconds: number): Verdict => ({ what, goal: `≤ ${goals.startSeconds} s`, figure: `${seconds.toFixed(2)} s`, isMet: seconds <= goals.startSeconds })
  return [
    { what: 'resident memory, peak', goal: `≤ ${goals.residentMib} MiB`, figure: `${(peakBytes / MIB).toFixed(0)} MiB`, isMet: peakBytes <= goals.residentMib * MIB },
    start('start-up', startSeconds),
    start('start-up after kill -9', startKilledSeconds),
  ]
}

export function formatBacklog(depth: number, figures: BacklogFigures): string {
  const row = (name: string, { messages, wallSeconds, serverCpuSeconds }: StepOutcome): string[] => [
    name,
    '',
    formatRate(messages / wallSeconds),
    formatRate(messages / serverCpuSeconds),
    (serverCpuSeconds / wallSeconds).toFixed(2),
  ]
  const { fill, publish, consume } = figures
  const table = formatTable([`backlog of ${formatRate(depth)}`, '', 'messages/s', 'per server cpu-s', 'server cpus'], [row('fill, fsync', fill), row('publish at that depth', publish), row('consume + ack there', consume)])
  return [table, formatVerdicts(judgeBacklog(figures))].join('\n\n')
}
