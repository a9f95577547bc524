// What the bench asks of a load process, and what it answers. Both cross the process boundary as JSON.

import type { MessageWorkload } from '../workloads.ts'
import type { Address } from './line.ts'

/** As whom the load speaks; a server without principals looks at neither. */
export interface Credential {
  readonly principal: string
  readonly token: string
}

export interface Target {
  readonly dialect: 'callboard' | 'nats'
  readonly address: Address
  readonly credential: Credential
  /** Process whose CPU time is counted. */
  readonly pid: number
  /** Patterns that a bystander subscribes and that no message matches. */
  readonly bystanderPatterns: readonly string[]
}

export type Job =
  | { readonly kind: 'measure'; readonly target: Target; readonly workload: MessageWorkload; readonly warmMs: number; readonly windowMs: number }
  | { readonly kind: 'check'; readonly target: Target; readonly workload: MessageWorkload }
  /** Opens connections, says `open`, and holds them until it is told to end. */
  | { readonly kind: 'idle'; readonly target: Target; readonly connections: number }

export interface Outcome {
  readonly deliveries: number
  readonly wallSeconds: number
  /** CPU seconds of the server in the window, all threads. */
  readonly serverCpuSeconds: number
  /** CPU seconds of the load process in the window: near wallSeconds means that the load was the limit. */
  readonly loadCpuSeconds: number
  /** When the window began and ended, on CLOCK_MONOTONIC; 0 without figures. µs */
  readonly fromMicros: number
  readonly toMicros: number
  readonly problems: readonly string[]
}
