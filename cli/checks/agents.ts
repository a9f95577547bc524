// Checks whether agents crash often, or stay down since they did: by the reports in the home, and by the broker where it runs.

import { crashBounds, crashTimes } from '../../agents/crashes/crash-files.ts'
import { findHolder } from '../../broker/ground/home-lock.ts'
import type { AgentInfo } from '../../client/index.ts'
import type { Context } from '../context.ts'
import { formatDateTime, formatDuration } from '../format.ts'
import { withClient } from '../with-client.ts'
import type { Finding } from './finding.ts'

/** So many crashes within `RECENT_MS` are often. */
const OFTEN = 3
const RECENT_MS = 3_600_000

export async function* checkAgents(context: Context): AsyncGenerator<Finding> {
  yield* agentFindings(await agentsOf(context), await crashTimes(context.paths.crashes), Date.now())
}

/** What the instances and the times of crashes, by agent and the newest first, come to. Nothing is found where there are neither. */
export function agentFindings(agents: readonly AgentInfo[], crashes: ReadonlyMap<string, readonly number[]>, nowMs: number): Finding[] {
  const held = agents.flatMap(({ name, quarantine }): Finding[] =>
    quarantine === undefined ? [] : [{ check: 'agents', state: 'fail', text: `${name} is in quarantine since ${formatDateTime(quarantine.since)}: ${quarantine.reason}`, remedy: `callboard agent crashes ${name} --last says how it ended; then: callboard agent restart ${name}` }])
  const often = [...crashes].flatMap(([name, times]): Finding[] => {
    const recent = times.filter((time) => nowMs - time <= RECENT_MS)
    if (recent.length < OFTEN) return []
    // Older ones may have gone for these.
    const count = `${recent.length} times${recent.length < crashBounds.perAgent ? '' : ' or more'}`
    return [{ check: 'agents', state: 'warn', text: `${name} crashed ${count} in the last hour, the last time ${formatDuration(Math.max(0, nowMs - recent[0]!))} ago`, remedy: `callboard agent crashes ${name} --last` }]
  })
  const found = [...held, ...often]
  if (found.length > 0 || agents.length === 0) return found
  return [{ check: 'agents', state: 'ok', text: `${agents.length === 1 ? 'the only instance' : `all ${agents.length} instances`} without many crashes` }]
}

/** None where no broker answers; that is another check's to say. */
async function agentsOf(context: Context): Promise<readonly AgentInfo[]> {
  if ((await findHolder(context.paths)) === undefined) return []
  try {
    return (await withClient(context, (client) => client.call('agents'))).agents
  } catch {
    return []
  }
}
