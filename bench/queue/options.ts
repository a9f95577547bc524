// Reads the command line of the queue bench.

import { parseArgs } from 'node:util'
import { UsageError } from '../usage.ts'
import { subjectNames, type SubjectName } from './subjects.ts'

export interface QueueBenchOptions {
  readonly subjects: readonly SubjectName[]
  readonly rounds: number
  readonly messages: number
  /** Messages a second where latencies are looked at. */
  readonly rate: number
  readonly pacedSeconds: number
  readonly directory: string
  /** Messages that stand in the queue when it is measured; 0: the comparison runs instead. */
  readonly backlog: number
  readonly isSmoke: boolean
  readonly jsonFile: string | undefined
}

// Not the system's temporary directory: that is memory on many systems, and fsync means nothing there.
const DIRECTORY = '/var/tmp'
const PACED_SECONDS = 3

/** Correctness alone, of every server that is installed. */
const smoke = { rounds: 1, messages: 3000, rate: 2000, pacedSeconds: 0.25 } as const

/** @throws UsageError */
export function parseQueueOptions(args: readonly string[]): QueueBenchOptions {
  const values = parsed(args)
  const number = (name: 'runs' | 'messages' | 'rate' | 'backlog', min: number, max: number): number => {
    const value = Number(values[name].replaceAll('_', ''))
    if (!(Number.isInteger(value) && value >= min && value <= max)) throw new UsageError(`--${name} ${values[name]}: expected a whole number of ${min}..${max}`)
    return value
  }
  const options = { rounds: number('runs', 1, 1000), messages: number('messages', 2000, 1e8), rate: number('rate', 1, 1e6), pacedSeconds: PACED_SECONDS }
  return { ...options, ...(values.smoke ? smoke : {}), backlog: number('backlog', 0, 1e8), subjects: values.servers.split(',').map(toSubject), directory: values.directory, isSmoke: values.smoke, jsonFile: values.json }
}

function toSubject(text: string): SubjectName {
  const name = subjectNames.find(known => known === text)
  if (name === undefined) throw new UsageError(`--servers ${text}: expected some of ${subjectNames.join(',')}`)
  return name
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        runs: { type: 'string', default: '5' },
        messages: { type: 'string', default: '100000' },
        rate: { type: 'string', default: '2000' },
        servers: { type: 'string', default: subjectNames.join(',') },
        directory: { type: 'string', default: DIRECTORY },
        backlog: { type: 'string', default: '0' },
        smoke: { type: 'boolean', default: false },
        json: { type: 'string' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
