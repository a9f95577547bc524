// What the queue bench asks of its driver process, and what that answers. Crosses the process boundary as JSON.

import type { LatencySummary } from '../measure/latencies.ts'

/** The queue, by the one name that all servers take. Below `bench.`, where the bench's principal may publish and consume. */
export const QUEUE = 'bench.jobs'

/** Messages that wait for their acknowledgement, or are on lease, at a time. */
export const OUTSTANDING = 1000

/** How a server is reached. */
export type LaneTarget =
  | { readonly kind: 'callboard'; readonly home: string; readonly principal: string; readonly token: string }
  | { readonly kind: 'jetstream'; readonly port: number }
  | { readonly kind: 'redis'; readonly path: string }
  | { readonly kind: 'rabbitmq'; readonly port: number }

export type Step =
  /** Publishes `messages`, at most 1,000 without their acknowledgement. */
  | { readonly kind: 'publish'; readonly messages: number; readonly warm: number }
  /** Takes `messages` from what waits, and acks each. */
  | { readonly kind: 'consume'; readonly messages: number; readonly warm: number }
  /** Both at once, at most 1,000 between their publisher and their consumer. */
  | { readonly kind: 'through'; readonly messages: number; readonly warm: number }
  /** Both at once, each message due at its time whatever became of those before. */
  | { readonly kind: 'paced'; readonly messages: number; readonly warm: number; readonly perSecond: number }

export interface Job {
  readonly target: LaneTarget
  /** Process whose CPU time is counted. */
  readonly pid: number
  readonly steps: readonly Step[]
  /** Messages that others have published: those with the first numbers. */
  readonly before: number
  /** What the steps leave in the queue is left there; otherwise it is a problem. */
  readonly leavesBacklog: boolean
}

/** Of the messages behind the first `warm`. */
export interface StepOutcome {
  readonly kind: Step['kind']
  readonly messages: number
  readonly wallSeconds: number
  /** All threads of the server. */
  readonly serverCpuSeconds: number
  /** Of the driver: near wallSeconds means that the client was the limit. */
  readonly loadCpuSeconds: number
  /** From publish to acknowledgement. */
  readonly acked: LatencySummary
  /** From publish to the consumer's handler, where both ran. */
  readonly delivered: LatencySummary
}

export interface JobOutcome {
  readonly steps: readonly StepOutcome[]
  readonly problems: readonly string[]
}
