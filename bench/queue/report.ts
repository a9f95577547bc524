// Medians over the rounds of a queue bench, their ratios, and what they should be.

import { formatVerdicts, type Verdict } from '../goals.ts'
import { summarise, summariseRatios, type Summary } from '../measure/stats.ts'
import { formatRate, formatTable } from '../measure/table.ts'
import type { JobOutcome, Step, StepOutcome } from './job.ts'
import { subjects, type SubjectName } from './subjects.ts'

/** One server's runs; undefined where a round failed. */
export interface Series {
  readonly subject: SubjectName
  readonly rounds: (JobOutcome | undefined)[]
}

/** Ours with fsync on, over another server, in messages a second. */
const goals: readonly { readonly versus: SubjectName; readonly atLeast: number }[] = [
  { versus: 'rabbitmq', atLeast: 3 },
  { versus: 'jetstream', atLeast: 1 },
  { versus: 'redis', atLeast: 1 },
]
const goalKinds = { publish: 'publish acks/s', consume: 'consume+ack/s' } as const

type Kind = Step['kind']

export function judgeQueues(all: readonly Series[]): readonly Verdict[] {
  return goals.flatMap(({ versus, atLeast }) =>
    (['publish', 'consume'] as const).flatMap((kind): Verdict[] => {
      const ratio = ratioOf(all, kind, 'fsync', versus)
      if (ratio === undefined) return []
      return [{ what: `${goalKinds[kind]}, fsync over ${versus}`, goal: `≥ ${atLeast}`, figure: spread(ratio, x => x.toFixed(2)), isMet: ratio.median >= atLeast }]
    }),
  )
}

export function formatQueues(all: readonly Series[]): string {
  const rates = (['publish', 'consume', 'through'] as const).map(kind => rateTable(all, kind))
  const verdicts = judgeQueues(all)
  return [...rates, latencyTable(all), ...(verdicts.length === 0 ? [] : [formatVerdicts(verdicts)])].join('\n\n')
}

const titles: Readonly<Record<'publish' | 'consume' | 'through', string>> = { publish: 'publish', consume: 'consume + ack', through: 'publish → ack' }

function rateTable(all: readonly Series[], kind: 'publish' | 'consume' | 'through'): string {
  const rows = all.map(series => {
    const steps = stepsOf(series, kind).filter(step => step !== undefined)
    if (steps.length === 0) return [titles[kind], series.subject, 'failed', '', '', '', '', '', '', subjects[series.subject].title]
    const of = (figure: (step: StepOutcome) => number): Summary => summarise(steps.map(figure))
    const ratio = series.subject === 'fsync' ? undefined : ratioOf(all, kind, 'fsync', series.subject)
    return [
      titles[kind],
      series.subject,
      spread(of(perSecond), formatRate),
      formatRate(of(step => step.messages / step.serverCpuSeconds).median),
      of(step => step.serverCpuSeconds / step.wallSeconds).median.toFixed(2),
      of(step => step.loadCpuSeconds / step.wallSeconds).median.toFixed(2),
      kind === 'consume' ? '' : ms(of(step => step.acked.p50)),
      kind === 'consume' ? '' : ms(of(step => step.acked.p99)),
      ratio === undefined ? '' : spread(ratio, x => x.toFixed(2)),
      subjects[series.subject].title,
    ]
  })
  return formatTable([titles[kind], 'server', 'messages/s', 'per server cpu-s', 'server cpus', 'client cpus', 'acked p50 ms', 'p99 ms', 'fsync/it', 'what'], rows)
}

function latencyTable(all: readonly Series[]): string {
  const rows = all.map(series => {
    const steps = stepsOf(series, 'paced').filter(step => step !== undefined)
    const of = (figure: (step: StepOutcome) => number): string => (steps.length === 0 ? '' : ms(summarise(steps.map(figure))))
    return ['paced', series.subject, of(step => step.acked.p50), of(step => step.acked.p99), of(step => step.delivered.p50), of(step => step.delivered.p99)]
  })
  return formatTable(['at a fixed rate', 'server', 'acked p50 ms', 'p99 ms', 'at the consumer p50 ms', 'p99 ms'], rows)
}

function stepsOf({ rounds }: Series, kind: Kind): (StepOutcome | undefined)[] {
  return rounds.map(round => round?.steps.find(step => step.kind === kind))
}

function ratioOf(all: readonly Series[], kind: Kind, ours: SubjectName, other: SubjectName): Summary | undefined {
  const rates = (name: SubjectName): (number | undefined)[] => {
    const series = all.find(({ subject }) => subject === name)
    return series === undefined ? [] : stepsOf(series, kind).map(step => (step === undefined ? undefined : perSecond(step)))
  }
  return summariseRatios(rates(ours), rates(other))
}

function perSecond({ messages, wallSeconds }: StepOutcome): number {
  return messages / wallSeconds
}

function spread({ median, min, max }: Summary, format: (figure: number) => string): string {
  return `${format(median)} (${format(min)}–${format(max)})`
}

function ms({ median }: Summary): string {
  return median.toFixed(2)
}
