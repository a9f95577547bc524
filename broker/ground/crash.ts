// How an incarnation of an agent ended, as it is kept for whoever asks what happened. Data only.

import type { AgentLogLine } from './agent-line.ts'
import type { SandboxPart, SandboxReport } from './sandbox.ts'

/** A limit of its sandbox that it met, as far as that can be told from outside. */
export interface LimitHit {
  readonly limit: SandboxPart
  /** By what it is known, such as `SIGXCPU` or the line that it printed. */
  readonly evidence: string
}

/** A message that went to one of its connections, or came from one. Never with what was in it. */
export interface HandledMessage {
  /** `broker.incarnation.origin.id`, by which `gateway trace --message-id` finds it. */
  readonly id: string
  /** The sender's own id. */
  readonly mid?: string
  /** When the broker received it. ms since the epoch */
  readonly time: number
  readonly direction: 'in' | 'out'
  /** As in a trace: publish, request, response and so on. */
  readonly kind: string
  readonly subject: string
  /** Consecutive messages of one sender, of which this is the last; missing: one. */
  readonly count?: number
  /** In: who sent it. */
  readonly sender?: string
  /** In: what became of its delivery to the agent, `written` being that its socket had taken it. Out: as in a trace. */
  readonly fate: string
  /** In, a request: no answer of the agent's is known. */
  readonly unanswered?: true
}

/** What the supervisor did about it. `replaced`: it ended by plan, for another process; `stopped`: it was to end. */
export type CrashNext = { readonly kind: 'restart'; /** ms */ readonly delayMs: number } | { readonly kind: 'quarantine'; readonly reason: string } | { readonly kind: 'down' | 'escalate' | 'stopped' | 'replaced' }

export interface CrashReport {
  /** Unlike that of any other report of the agent; sorted as text they are in the order of time. */
  readonly id: string
  readonly agent: string
  /** Instance id: `weather`, `weather/2`. */
  readonly instance: string
  /** 1 and more, since the broker started. */
  readonly incarnation: number
  /** That of the broker. */
  readonly brokerIncarnation: number
  /** When it ended. ms since the epoch */
  readonly time: number
  /** ms */
  readonly ranMs: number
  /** Missing where it could not be started. */
  readonly pid?: number
  /** How the process ended: one of the two. Missing where it could not be started. */
  readonly code?: number
  readonly signal?: string
  /** Path of the core file; false: there is none; missing: not known. */
  readonly core?: string | false
  /** What is to be said of it in a sentence: how it ended, or why it was ended. */
  readonly reason: string
  /** The code of the error behind that, such as `agent.failed`. */
  readonly errorCode?: string
  /** It was ended: by a probe or by the operator, as `reason` says; or it was asked to end and did so badly. */
  readonly wasAsked: boolean
  readonly limits: readonly LimitHit[]
  readonly sandbox?: SandboxReport
  /** The last 200 that this incarnation printed, and 128 KiB of them at most; oldest first. */
  readonly lines: readonly AgentLogLine[]
  /** The last 20 that it handled, as far as the flight recorder knew; oldest first. */
  readonly messages: readonly HandledMessage[]
  readonly next: CrashNext
  /** Its lines were left out of an answer that would have been too large; asked for by its id it comes whole. Never in what is kept. */
  readonly isCut?: true
}

/** A crash without what was printed and handled. */
export type CrashSummary = Omit<CrashReport, 'lines' | 'messages' | 'sandbox'>
