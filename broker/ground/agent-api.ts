// What is told of supervised agents beside how they are: what they printed, and how they ended. Types only; docs/protocol.md section 5 is the contract.

/** A line that an agent printed. */
export interface AgentLogLine {
  /** Grows with each line of any agent, for as long as the broker runs. */
  readonly seq: number
  /** ms since the epoch */
  readonly time: number
  /** Instance id: `weather`, `weather/2`. */
  readonly instance: string
  /** Which process of the instance printed it, counted from 1 since the broker's start. */
  readonly start: number
  readonly stream: 'stdout' | 'stderr'
  /** As it was printed, with `[token]` and the like in the place of secrets. */
  readonly text: string
  /** How much followed in the same line and was dropped. bytes */
  readonly cutBytes?: number
  /** It is not in the broker's log: below the agent's `logLevel`, or more than is logged. */
  readonly suppressed?: true
}

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

/** Method → [params, answer]. */
export interface AgentMethods {
  'agent.logs': [AgentLogsQuery, AgentLogsAnswer]
}
