// The figures of the registry as tables, and their verdict.

import { formatVerdicts, type Verdict } from '../goals.ts'
import { summarise, summariseRatios, type Summary } from '../measure/stats.ts'
import { formatRate, formatTable } from '../measure/table.ts'
import type { Operation, OperationFigures } from './steps.ts'
import { operations } from './steps.ts'

export interface Asked {
  readonly perSecond: number
  readonly microsEach: number
}

export interface Round {
  readonly filled: Asked
  readonly rate: number
  readonly figures: readonly OperationFigures[]
  /** Requests on a subject of one responder, by a name that it alone has, and by one that ten have. */
  readonly direct: Asked
  readonly byName: Asked
  readonly ofTen: Asked
}

const goals = { meanMs: 0.5, p99Ms: 2, times: 1.1 } as const

export function judgeRegistry(rounds: readonly Round[]): readonly Verdict[] {
  const verdicts = operations.flatMap((operation): Verdict[] => {
    const mean = summarise(rounds.map((round) => of(round, operation).mean))
    const p99 = summarise(rounds.map((round) => of(round, operation).p99))
    return [
      { what: `${operation}, mean`, goal: `≤ ${goals.meanMs} ms`, figure: spread(mean, 3), isMet: mean.median <= goals.meanMs },
      { what: `${operation}, p99`, goal: `≤ ${goals.p99Ms} ms`, figure: spread(p99, 2), isMet: p99.median <= goals.p99Ms },
    ]
  })
  const ratio = summariseRatios(rounds.map(({ byName }) => byName.microsEach), rounds.map(({ direct }) => direct.microsEach))
  return ratio === undefined ? verdicts : [...verdicts, { what: 'CPU of a request by a name', goal: `≤ ${goals.times} times one on a subject`, figure: spread(ratio, 2), isMet: ratio.median <= goals.times }]
}

export function formatRegistry(rounds: readonly Round[]): string {
  const asked = operations.map((operation) => {
    const figure = (pick: (figures: OperationFigures) => number, digits: number): string => spread(summarise(rounds.map((round) => pick(of(round, operation)))), digits)
    return [operation, '', String(of(rounds[0]!, operation).count), figure(({ mean }) => mean, 3), figure(({ p50 }) => p50, 3), figure(({ p99 }) => p99, 2), figure(({ max }) => max, 1)]
  })
  const spent = (name: string, pick: (round: Round) => Asked): string[] => [name, '', formatRate(summarise(rounds.map((round) => pick(round).perSecond)).median), spread(summarise(rounds.map((round) => pick(round).microsEach)), 1)]
  return [
    formatTable([`at ${Math.round(summarise(rounds.map(({ rate }) => rate)).median)} operations/s`, '', 'count', 'mean ms', 'p50 ms', 'p99 ms', 'max ms'], asked),
    formatTable(['', '', 'per second', 'broker µs each'], [spent('registering all', ({ filled }) => filled), spent('requests on a subject', ({ direct }) => direct), spent('requests by a name', ({ byName }) => byName), spent('by a name of ten', ({ ofTen }) => ofTen)]),
    formatVerdicts(judgeRegistry(rounds)),
  ].join('\n\n')
}

function of({ figures }: Round, operation: Operation): OperationFigures {
  return figures.find((each) => each.operation === operation)!
}

function spread({ median, min, max }: Summary, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}
