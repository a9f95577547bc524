// What is told of supervised agents beside how they are: what they printed, and how they ended. Types only; docs/protocol.md section 5 is the contract.

import type { AgentLogLine } from './agent-line.ts'
import type { CrashNext, CrashReport } from './crash.ts'

export interface AgentLogsQuery {
  /** An agent, which means all its instances, or an instance id. */
  readonly name: string
  /** At most so many, the latest. 1..1000, default 200 */
  readonly lines?: number
  /** Only lines with a greater `seq`. default 0 */
  readonly after?: number
}

export interface AgentLogsAnswer {
  /** Oldest first. Of each instance the broker has the last 200, and 128 KiB of them. */
  readonly lines: readonly AgentLogLine[]
  /** The broker's incarnation: another one counts from 0 again. */
  readonly incarnation: number
}

/** What became of a process of an agent, as published on `$CB.agent.<event>.<agent>`. */
export interface AgentEvent {
  /** `exited`: as it should; `crashed`: unasked or badly; `quarantined` comes behind `crashed`. */
  readonly event: 'started' | 'exited' | 'crashed' | 'quarantined'
  readonly agent: string
  /** Instance id. */
  readonly instance: string
  readonly incarnation: number
  /** ms since the epoch */
  readonly time?: number
  /** Missing where it could not be started. */
  readonly pid?: number
  readonly code?: number
  readonly signal?: string
  /** Crashed: id of the report. */
  readonly report?: string
  /** Crashed, quarantined: why, in a sentence. */
  readonly reason?: string
  /** All but started. */
  readonly next?: CrashNext
}

/** Method → [params, answer]. */
export interface AgentMethods {
  'agent.logs': [AgentLogsQuery, AgentLogsAnswer]
  /** Of an agent, or of one instance; the newest first, or the one with the id `report`. */
  'agent.crashes': [{ readonly name: string; readonly report?: string }, { readonly crashes: readonly CrashReport[] }]
}
