// What the processes of an isolation run are told and what they answer. Crosses the process boundary as JSON.

import type { Target } from '../load/job.ts'
import type { LatencySummary } from '../measure/latencies.ts'
import type { Epoch } from '../measure/shared-clock.ts'

export const SUBJECT = 'bench.isolation'

/** How a run goes; the same for every process. */
export interface Plan {
  readonly target: Target
  readonly epoch: Epoch
  /** Messages of one write; they are due at the same moment. */
  readonly burst: number
  /** From one burst to the next. µs */
  readonly everyMicros: number
  readonly payloadBytes: number
  /** What may wait for a bad reader. bytes, 0 = as the broker's config has it */
  readonly maxPendingBytes: number
}

/** When it happens, on the shared clock. µs */
export interface Timing {
  readonly startMicros: number
  /** From here on latencies count, and bad readers are bad. */
  readonly windowMicros: number
  /** No more bursts from here on. */
  readonly endMicros: number
}

export type BadReader = 'paused' | 'slow' | 'crashing'
export const badReaders = ['paused', 'slow', 'crashing'] as const satisfies readonly BadReader[]

/** A process begins with one of these, says `{ ready: true }`, and starts at `Timing`. */
export type Task =
  | { readonly kind: 'publish'; readonly plan: Plan }
  | { readonly kind: 'read'; readonly plan: Plan; readonly readers: number }
  /** `isBad` false: three readers like all others, for the run to compare with. */
  | { readonly kind: 'read-badly'; readonly plan: Plan; readonly isBad: boolean }

export interface Published {
  readonly messages: number
  /** How late bursts were written: near the latencies means that the load was the limit. ms */
  readonly lateness: LatencySummary
  /** For how long bytes waited in the publisher because the broker did not read: back-pressure, or a busy machine. ms */
  readonly heldMs: number
}

/** Sent to readers when the publisher is done. */
export interface Finish {
  readonly published: number
}

export interface ReadOutcome {
  readonly latency: LatencySummary
  readonly cpuSeconds: number
  readonly problems: readonly string[]
}

export interface BadOutcome {
  readonly readers: readonly BadReading[]
  readonly problems: readonly string[]
}

/** What one of the three got, and what it was told that it did not get. */
export interface BadReading {
  readonly reader: BadReader
  readonly received: number
  readonly gapNotices: number
  readonly toldLost: number
  /** Times it came back after a crash. */
  readonly returns: number
}
