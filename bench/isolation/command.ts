// `npm run bench -- isolation`: what three bad readers cost the ninety-seven others on their subject.

import { parseArgs } from 'node:util'
import { describeEnvironment } from '../environment.ts'
import { formatProblems, writeFigures } from '../findings.ts'
import { formatEnvironment } from '../report.ts'
import { UsageError } from '../usage.ts'
import { checkNotices } from './books.ts'
import { badReaders } from './job.ts'
import { formatIsolation, judgeIsolation, type Round } from './report.ts'
import { runOnce, type RunOptions } from './round.ts'

const READERS = 100
const PAYLOAD_BYTES = 128
/** Not counted: everything compiles. */
const WARM_MS = 2000
/** As bench/full.yaml has it, with the reserve for what was read before publishers paused (docs/protocol.md, section 8). */
const MAX_PENDING_BYTES = 16 * 1024 * 1024 * 1.25

/** A smoke run looks at the books and at nobody's speed; it is too short for 16 MiB to fill. */
const smoke = { rounds: 1, rate: 5000, readers: 10, warmMs: 300, windowMs: 2000, maxPendingBytes: 128 * 1024 } as const

/** @throws UsageError */
export async function isolation(args: readonly string[]): Promise<number> {
  const options = parseOptions(args)
  const boundBytes = badReaders.length * MAX_PENDING_BYTES
  const rounds: Round[] = []
  const problems: string[] = []
  const environment = describeEnvironment(undefined)
  for (let i = 0; i < options.rounds; i++) {
    process.stderr.write(`isolation ${i + 1}/${options.rounds}\n`)
    try {
      const round = await runRound(options, i)
      rounds.push(round)
      const complaints = [...round.clean.problems.map(problem => `without: ${problem}`), ...round.bad.problems, ...checkNotices(round.bad.bad)]
      problems.push(...complaints.map(problem => `round ${i + 1}: ${problem}`))
    } catch (error) {
      problems.push(`round ${i + 1}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const complaints = formatProblems(problems)
  if (options.isSmoke) console.log(complaints[0] ?? 'isolation: everything that was published is accounted for')
  else console.log([formatEnvironment(environment), rounds.length === 0 ? 'no round finished' : formatIsolation(rounds, boundBytes), ...complaints].join('\n\n'))
  await writeFigures(options.jsonFile, { environment, rounds, verdicts: rounds.length === 0 ? [] : judgeIsolation(rounds, boundBytes), problems })
  return problems.length
}

interface IsolationOptions {
  readonly rounds: number
  readonly windowMs: number
  readonly warmMs: number
  readonly rate: number
  readonly readers: number
  readonly maxPendingBytes: number
  readonly isSmoke: boolean
  readonly jsonFile: string | undefined
}

// Each round begins with the other run, so that whatever drifts on the machine meets both.
async function runRound(options: IsolationOptions, index: number): Promise<Round> {
  const run = (isBad: boolean): ReturnType<typeof runOnce> => runOnce({ ...options, isBad, payloadBytes: PAYLOAD_BYTES } satisfies RunOptions & IsolationOptions)
  if (index % 2 === 0) {
    const clean = await run(false)
    return { clean, bad: await run(true) }
  }
  const bad = await run(true)
  return { clean: await run(false), bad }
}

function parseOptions(args: readonly string[]): IsolationOptions {
  const values = parsed(args)
  const number = (name: 'runs' | 'seconds' | 'rate', min: number, max: number): number => {
    const value = Number(values[name])
    if (!(value >= min && value <= max)) throw new UsageError(`--${name} ${values[name]}: expected a number of ${min}..${max}`)
    return value
  }
  const options = { rounds: Math.round(number('runs', 1, 1000)), windowMs: number('seconds', 0.1, 600) * 1000, rate: number('rate', 1, 1e6), warmMs: WARM_MS, readers: READERS, maxPendingBytes: 0 }
  return { ...options, ...(values.smoke ? smoke : {}), isSmoke: values.smoke, jsonFile: values.json }
}

function parsed(args: readonly string[]): { runs: string; seconds: string; rate: string; smoke: boolean; json?: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { runs: { type: 'string', default: '7' }, seconds: { type: 'string', default: '10' }, rate: { type: 'string', default: '20000' }, smoke: { type: 'boolean', default: false }, json: { type: 'string' } },
    })
    return values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
