// `npm run bench -- registry`: the registry with 1,000 services and 10,000 instances, and what a request by a name costs.

import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { connect, type Client } from '../../client/index.ts'
import { describeEnvironment } from '../environment.ts'
import { formatProblems, writeFigures } from '../findings.ts'
import { formatEnvironment } from '../report.ts'
import { startBroker } from '../server/broker.ts'
import { UsageError } from '../usage.ts'
import { formatRegistry, judgeRegistry, type Round } from './report.ts'
import { atRate, fill, requests, together, type Slice } from './steps.ts'

const RESPONDERS = 10
const CLIENTS = 20
/** Of one responder, of its name, and of the name that all ten have; as long as each other. */
const subjects = { direct: 'bench.direct.subject', byName: '$CB.to.service.one', ofTen: '$CB.to.service.asked' } as const
/** Parts of the time in which each is asked. */
const SLICES = 8

interface RegistryOptions {
  readonly rounds: number
  readonly seconds: number
  readonly rate: number
  readonly services: number
  readonly instances: number
  readonly isSmoke: boolean
  readonly jsonFile: string | undefined
}

/** @throws UsageError */
export async function registry(args: readonly string[]): Promise<number> {
  const options = parseOptions(args)
  const environment = describeEnvironment(undefined)
  const rounds: Round[] = []
  const problems: string[] = []
  for (let i = 0; i < options.rounds; i++) {
    process.stderr.write(`registry ${i + 1}/${options.rounds}\n`)
    try {
      rounds.push(await runRound(options, i, problems))
    } catch (error) {
      problems.push(`round ${i + 1}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const complaints = formatProblems(problems)
  if (options.isSmoke) console.log(complaints[0] ?? 'registry: every instance was found, and every request answered')
  else console.log([formatEnvironment(environment), rounds.length === 0 ? 'no round finished' : formatRegistry(rounds), ...complaints].join('\n\n'))
  await writeFigures(options.jsonFile, { environment, rounds, verdicts: rounds.length === 0 ? [] : judgeRegistry(rounds), problems })
  return problems.length
}

async function runRound(options: RegistryOptions, index: number, problems: string[]): Promise<Round> {
  const server = await startBroker('own')
  const clients: Client[] = []
  try {
    const { pid, address } = server.target
    const join = async (): Promise<Client> => {
      const client = await connect({ home: dirname(address.slice('unix:'.length)), principal: 'owner', program: 'bench', agent: false })
      clients.push(client)
      return client
    }
    const holders = await Promise.all(Array.from({ length: CLIENTS }, join))
    const responders = await Promise.all(Array.from({ length: RESPONDERS }, join))
    const asker = await join()
    const filled = await fill(holders, options, pid)
    const { total } = await asker.registry.list({ limit: 1 })
    if (total !== options.instances) problems.push(`${total} of ${options.instances} instances are registered`)
    await atRate(asker, options, options.rate, options.seconds / 4)
    const { rate, figures } = await atRate(asker, options, options.rate, options.seconds)
    await responders[0]!.subscribe(subjects.direct, { onMessage: (message) => message.respond('y') }).ready
    await responders[0]!.register({ name: 'one', onRequest: (message) => message.respond('y') })
    for (const responder of responders) await responder.register({ name: 'asked', onRequest: (message) => message.respond('y') })
    await requests(asker, Object.values(subjects), options.seconds / 2, pid)
    const slices: Record<keyof typeof subjects, Slice[]> = { direct: [], byName: [], ofTen: [] }
    const ways = Object.keys(slices) as (keyof typeof subjects)[]
    // In turns, so that whatever drifts on the machine meets all.
    for (let i = 0; i < SLICES; i++) for (const way of (index + i) % 2 === 0 ? ways : ways.toReversed()) slices[way].push(await requests(asker, [subjects[way]], options.seconds / SLICES, pid))
    const { instances } = await asker.registry.list({ name: 'asked' })
    if (instances.some(({ outstanding, failures }) => outstanding > 0 || failures > 0)) problems.push('a request by the name has failed, or is still open')
    const { balanced } = await asker.call('stats')
    if (!balanced) problems.push('the broker\'s books are not balanced')
    return { filled, rate, figures, direct: together(slices.direct), byName: together(slices.byName), ofTen: together(slices.ofTen) }
  } finally {
    for (const client of clients) client.destroy()
    await server.stop()
  }
}

/** A smoke run looks at nobody's speed. */
const smoke = { rounds: 1, seconds: 0.3, rate: 200, services: 20, instances: 200 } as const

function parseOptions(args: readonly string[]): RegistryOptions {
  const values = parsed(args)
  const number = (name: 'runs' | 'seconds' | 'rate' | 'services' | 'instances', min: number, max: number): number => {
    const value = Number(values[name])
    if (!(value >= min && value <= max)) throw new UsageError(`--${name} ${values[name]}: expected a number of ${min}..${max}`)
    return value
  }
  const options = { rounds: Math.round(number('runs', 1, 100)), seconds: number('seconds', 0.1, 600), rate: number('rate', 1, 1e5), services: Math.round(number('services', 1, 1e5)), instances: Math.round(number('instances', 1, 5e4)) }
  return { ...options, ...(values.smoke ? smoke : {}), isSmoke: values.smoke, jsonFile: values.json }
}

function parsed(args: readonly string[]): { runs: string; seconds: string; rate: string; services: string; instances: string; smoke: boolean; json?: string } {
  const text = (value: string): { readonly type: 'string'; readonly default: string } => ({ type: 'string', default: value })
  try {
    return parseArgs({ args: [...args], options: { runs: text('5'), seconds: text('4'), rate: text('1000'), services: text('1000'), instances: text('10000'), smoke: { type: 'boolean', default: false }, json: { type: 'string' } } }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
