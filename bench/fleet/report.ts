// The figures of a fleet as tables, and their verdict.

import { formatVerdicts, type Verdict } from '../goals.ts'
import { summarise, summariseRatios, type Summary } from '../measure/stats.ts'
import { formatRate, formatTable } from '../measure/table.ts'

export interface Asked {
  readonly perSecond: number
  readonly microsEach: number
}

export interface Round {
  readonly agents: number
  readonly killed: number
  /** From the start of the broker's process. */
  readonly startMs: number
  readonly stormMs: number
  /** Of the broker without agents, with all, and after the storm. */
  readonly aloneBytes: number
  readonly fleetBytes: number
  readonly afterBytes: number
  /** Requests on a subject of one agent, and by the name that it alone has. */
  readonly direct: Asked
  readonly byName: Asked
}

const TIMES = 1.1

export function judgeFleet(rounds: readonly Round[]): readonly Verdict[] {
  const ratio = summariseRatios(rounds.map(({ byName }) => byName.microsEach), rounds.map(({ direct }) => direct.microsEach))
  return ratio === undefined ? [] : [{ what: 'CPU of a request by an agent\'s name', goal: `≤ ${TIMES} times one on a subject`, figure: spread(ratio, 2), isMet: ratio.median <= TIMES }]
}

export function formatFleet(rounds: readonly Round[]): string {
  const [first] = rounds
  const figure = (pick: (round: Round) => number, digits: number): string => spread(summarise(rounds.map(pick)), digits)
  const asked = (name: string, pick: (round: Round) => Asked): string[] => [name, formatRate(summarise(rounds.map((round) => pick(round).perSecond)).median), figure((round) => pick(round).microsEach, 1)]
  return [
    formatTable(['', ''], [
      [`start of the broker until ${first!.agents} agents are healthy, s`, figure(({ startMs }) => startMs / 1000, 1)],
      [`${first!.killed} killed at once, until all are healthy again, s`, figure(({ stormMs }) => stormMs / 1000, 1)],
      ['broker without agents, MiB', figure(({ aloneBytes }) => aloneBytes / 2 ** 20, 0)],
      ['broker with all of them, MiB', figure(({ fleetBytes }) => fleetBytes / 2 ** 20, 0)],
      ['the same after the storm, MiB', figure(({ afterBytes }) => afterBytes / 2 ** 20, 0)],
      ['broker for each agent, KiB', figure(({ fleetBytes, aloneBytes, agents }) => (fleetBytes - aloneBytes) / agents / 1024, 1)],
    ]),
    formatTable(['', 'per second', 'broker µs each'], [asked('requests on a subject', ({ direct }) => direct), asked('requests by an agent\'s name', ({ byName }) => byName)]),
    formatVerdicts(judgeFleet(rounds)),
  ].join('\n\n')
}

function spread({ median, min, max }: Summary, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}
