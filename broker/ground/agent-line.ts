// A line that a supervised agent printed, as it is told. Data only.

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
