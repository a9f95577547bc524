// Ends the agents of a broker that was killed before it could. Touches only what it can prove to be one of them.

import { readFileSync } from 'node:fs'
import type { Clock } from '../broker/ground/clock.ts'
import type { Deadlines } from '../broker/ground/deadlines.ts'
import { processStamp } from '../broker/ground/process-stamp.ts'
import type { Log } from '../broker/ground/types.ts'
import type { AgentRecord, AgentRegister } from './agent-register.ts'
import { GroupEnding } from './group-ending.ts'
import { groupMembers } from './process-group.ts'

export interface LeftoverOptions {
  readonly register: AgentRegister
  /** Those that may be left. Default: all that are registered. */
  readonly records?: readonly AgentRecord[]
  /** The broker's home, as agents of it have it in CALLBOARD_HOME. */
  readonly home: string
  /** Time between SIGTERM and SIGKILL. ms */
  readonly graceMs: number
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly log: Log
}

/**
 * Ends every registered agent that still runs, all at once, and empties the register. Call it with the home locked and
 * before new agents start. Resolves with how many there were.
 */
export async function endLeftovers(options: LeftoverOptions): Promise<number> {
  const { register, records = [...register.records], home, graceMs, clock, deadlines, log } = options
  const running = records.filter(record => isLeader(record) || hasOrphans(record, home))
  await Promise.all(running.map(async record => {
    log.warn({ agent: record.name, pid: record.pid }, 'ending an agent that a killed broker left behind')
    const end = await new GroupEnding({ group: record.pid, graceMs, clock, deadlines, isLeaderRunning: () => isLeader(record) }).done
    if (end === 'stuck') log.error({ agent: record.name, pid: record.pid }, 'processes of the agent survived SIGKILL')
  }))
  for (const record of records) register.remove(record.pid)
  return running.length
}

function isLeader(record: AgentRecord): boolean {
  return processStamp(record.pid) === record.stamp
}

// The leader is gone and its pid free: what it started may live on in its group. The number could since have gone to
// other processes (or the machine was restarted), so one of them must have been started as part of this agent.
function hasOrphans(record: AgentRecord, home: string): boolean {
  return processStamp(record.pid) === undefined && groupMembers(record.pid).some(pid => {
    const environment = environmentOf(pid)
    return environment.includes(`CALLBOARD_HOME=${home}`) && environment.includes(`CALLBOARD_AGENT=${record.name}`)
  })
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}
