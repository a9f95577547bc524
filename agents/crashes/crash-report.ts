// Makes the report of an incarnation that ended unasked or badly, out of what each part knew of it. Asks nobody.

import { constants } from 'node:os'
import type { AgentLogLine } from '../../broker/ground/agent-line.ts'
import type { CrashNext, CrashReport, HandledMessage, LimitHit } from '../../broker/ground/crash.ts'
import type { BrokerError } from '../../broker/ground/errors.ts'
import type { SandboxReport } from '../../broker/ground/sandbox.ts'
import type { AgentSettings } from '../../broker/ground/settings.ts'
import type { AgentExit } from '../agent-process.ts'
import { coreFile } from './core-file.ts'
import { crashId } from './crash-files.ts'
import { limitsHit } from './limits-hit.ts'

/** How a process of an instance ended, or that it could not be started. */
export interface AgentEnding {
  readonly settings: AgentSettings
  /** Instance id. */
  readonly id: string
  readonly instance: number
  readonly incarnation: number
  /** undefined: it could not be started, for the reason `startError`. */
  readonly process: { readonly pid: number; readonly exit: AgentExit } | undefined
  readonly startError: BrokerError | undefined
  /** It was asked to end, or whoever runs it had given it up. */
  readonly wasAsked: boolean
  /** Where it ran. */
  readonly directory: string
  /** Before it was started. ms since the epoch */
  readonly begunMs: number
  /** What it printed. */
  readonly lines: readonly AgentLogLine[]
  readonly sandbox: SandboxReport | undefined
  /** ms since the epoch */
  readonly timeMs: number
}

/** What is known beside: by the supervisor, and by the flight recorder. */
export interface CrashCircumstances {
  /** Why the supervisor's actor crashed, when it did. */
  readonly error: Error | undefined
  readonly next: CrashNext
  readonly brokerIncarnation: number
  readonly messages: () => readonly HandledMessage[]
}

/** Signals by which a program ends that was asked to, and has nothing to say to it. */
const ASKING = new Set<string | undefined>(['SIGTERM', 'SIGINT', 'SIGHUP'])

/** undefined: it ended as it should, and there is nothing to report. */
export function crashReport(ending: AgentEnding, { error, next, brokerIncarnation, messages }: CrashCircumstances): CrashReport | undefined {
  const { settings, process: ended, startError, wasAsked, directory, begunMs, lines, sandbox, timeMs } = ending
  const signal = ended === undefined ? undefined : signalOf(ended.exit, sandbox)
  const reason = reasonOf(ending, signal, error)
  if (reason === undefined) return undefined
  const code = signal === undefined ? ended?.exit.code : undefined
  const core = ended === undefined ? undefined : sandbox === undefined ? coreFile(signal, ended.pid, directory, begunMs) : false
  const errorCode = startError?.code ?? (error !== undefined && 'code' in error && typeof error.code === 'string' ? error.code : undefined)
  return {
    id: crashId(timeMs, ending.instance, ending.incarnation),
    agent: settings.name,
    instance: ending.id,
    incarnation: ending.incarnation,
    brokerIncarnation,
    time: timeMs,
    ranMs: ended?.exit.ranMs ?? 0,
    ...(ended === undefined ? {} : { pid: ended.pid }),
    ...(code === undefined || code === null ? {} : { code }),
    ...(signal === undefined ? {} : { signal }),
    ...(core === undefined ? {} : { core }),
    reason,
    ...(errorCode === undefined ? {} : { errorCode }),
    wasAsked,
    limits: limitsOf(ending, signal),
    ...(sandbox === undefined ? {} : { sandbox }),
    lines,
    messages: messages(),
    next,
  }
}

function reasonOf({ settings, process: ended, startError, wasAsked }: AgentEnding, signal: string | undefined, error: Error | undefined): string | undefined {
  if (startError !== undefined) return startError.message
  if (ended === undefined) return undefined
  const how = signal === undefined ? `exited with code ${ended.exit.code}` : `was ended by ${signal}`
  if (!wasAsked) return ended.exit.code === 0 && settings.restart !== 'permanent' ? undefined : how
  // It was to end since something failed: that is what happened to it.
  if (error !== undefined) return error.message
  if (signal === 'SIGKILL') return `did not end within ${settings.shutdownMs} ms of SIGTERM, and was killed`
  // Programs that catch a signal and leave say 128 and its number, by custom.
  const isOrderly = signal === undefined ? ended.exit.code === 0 || ended.exit.code === 128 + constants.signals.SIGTERM : ASKING.has(signal)
  return isOrderly ? undefined : `was asked to end, and ${how}`
}

function limitsOf({ settings, process: ended, lines }: AgentEnding, signal: string | undefined): LimitHit[] {
  const told = ended?.exit.limits ?? []
  return [...told, ...limitsHit(signal, settings.sandbox, lines).filter(({ limit }) => told.every((other) => other.limit !== limit))]
}

// Programs that stand around an agent to make its namespaces hand its signal on as an exit code.
function signalOf({ code, signal }: AgentExit, sandbox: SandboxReport | undefined): string | undefined {
  if (signal !== null) return signal
  if (sandbox?.parts.namespaces === undefined || code === null || code <= 128) return undefined
  return Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0]
}
