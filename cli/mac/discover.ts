// `callboard-mac discover`: prints every broker of this user that can be found on the host.

import type { Context } from '../context.ts'
import { Exit } from '../failure.ts'
import { formatDuration, plural } from '../format.ts'
import { print, printJson } from '../output.ts'
import { formatFields, paint } from '../table.ts'
import { meet, type FoundBroker } from './acquaintance.ts'
import { candidates } from './candidates.ts'
import { homesOfProcesses, homesOfSockets, type NamedHome } from './own-processes.ts'

interface DiscoverOptions {
  readonly processes: boolean
  readonly timeout: number
}

/** Exit code 1 when no broker answers. */
export async function discover(context: Context, { processes, timeout }: DiscoverOptions): Promise<void> {
  const others: NamedHome[] = processes ? [...homesOfProcesses(), ...homesOfSockets()] : []
  const met = await Promise.all(candidates(context, others).map(candidate => meet(candidate, timeout)))
  const brokers = met.filter(broker => broker !== undefined)
  const answering = brokers.filter(({ isAnswering }) => isAnswering)
  if (context.isJson) await printJson({ ok: answering.length > 0, brokers })
  else {
    for (const broker of brokers) await print(`${describe(broker)}\n`)
    await print(answering.length === 0 ? 'no broker answers' : `${plural(answering.length, 'broker')} ${answering.length === 1 ? 'answers' : 'answer'}`)
  }
  if (answering.length === 0) process.exitCode = Exit.failed
}

function describe({ home, socket, foundBy, pid, welcome, roundTripMs, problem }: FoundBroker): string {
  const fields: (readonly [string, string])[] = [['home', home], ['socket', socket], ['found by', foundBy.join(', ')]]
  if (pid !== undefined) fields.push(['pid', String(pid)])
  if (welcome !== undefined) {
    const { broker, incarnation, protocol, principal, roles } = welcome
    fields.push(['broker', `${broker}, incarnation ${incarnation}`], ['protocol', String(protocol)], ['principal', `${principal} (${roles.join(', ')})`])
  }
  if (roundTripMs !== undefined) fields.push(['answers', `in ${formatDuration(roundTripMs)}`])
  if (problem === undefined) return formatFields(fields)
  fields.push(['answers', `no: ${problem.message}`])
  return formatFields(fields) + (problem.hint === undefined ? '' : `\n${paint('cyan', `→ ${problem.hint}`)}`)
}
