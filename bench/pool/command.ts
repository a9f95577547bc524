// `npm run bench -- pool`: from which sizes on work belongs to the pool's threads, on this machine.

import { parseArgs } from 'node:util'
import type { Log } from '../../broker/ground/types.ts'
import { CpuPool } from '../../broker/pool/cpu-pool.ts'
import { describeEnvironment } from '../environment.ts'
import { formatProblems, writeFigures } from '../findings.ts'
import { formatEnvironment } from '../report.ts'
import { UsageError } from '../usage.ts'
import { measureWork } from './measure.ts'
import { formatPool, type KindReport } from './report.ts'
import { workKinds } from './tasks.ts'
import type { Sized } from './crossover.ts'

const KIB = 1024
const SIZES = [1, 2, 4, 8, 16, 24, 32, 48, 64, 128, 256, 512, 1024].map(kib => kib * KIB)
/** A pool that only starts threads says nothing. */
const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }

/** @throws UsageError */
export async function pool(args: readonly string[]): Promise<number> {
  const { rounds, roundMs, jsonFile } = parseOptions(args)
  const environment = describeEnvironment(undefined)
  const problems: string[] = []
  const threads = new CpuPool({ threads: 0, log: silent, onWait() {} })
  threads.open(error => problems.push(String(error)))
  const reports: KindReport[] = []
  try {
    for (const kind of workKinds) {
      process.stderr.write(`${kind.name}\n`)
      const sizes: Sized[] = []
      for (const bytes of SIZES) sizes.push({ bytes, ...(await measureWork(kind.work(bytes), threads, rounds, roundMs)) })
      reports.push({ name: kind.name, key: kind.key, sizes })
    }
  } finally {
    await threads.close()
  }
  const parts = [formatEnvironment(environment), formatPool(reports)]
  if (threads.inlineTasks > 0) problems.push(`${threads.inlineTasks} tasks were done on the main thread instead of a pool's`)
  console.log([...parts, ...formatProblems(problems)].join('\n\n'))
  await writeFigures(jsonFile, { environment, reports, problems })
  return problems.length
}

function parseOptions(args: readonly string[]): { rounds: number; roundMs: number; jsonFile: string | undefined } {
  const { runs, seconds, json } = parsed(args)
  const rounds = Number(runs)
  if (!Number.isInteger(rounds) || rounds < 1) throw new UsageError(`--runs ${runs}: expected a whole number of 1 and more`)
  const perSize = Number(seconds)
  if (!(perSize > 0 && perSize <= 60)) throw new UsageError(`--seconds ${seconds}: expected a number above 0 and up to 60`)
  return { rounds, roundMs: (perSize * 1000) / (2 * rounds), jsonFile: json }
}

function parsed(args: readonly string[]): { runs: string; seconds: string; json?: string } {
  try {
    return parseArgs({ args: [...args], options: { runs: { type: 'string', default: '7' }, seconds: { type: 'string', default: '1' }, json: { type: 'string' } } }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
