// A server whose queue is measured: a process of its own that keeps its queue in a directory of its own.

import type { LaneTarget } from './job.ts'

export interface QueueServer {
  readonly target: LaneTarget
  /** Process whose CPU time and memory are counted. */
  readonly pid: number
  /** Ends the process and removes its directory. */
  stop(): Promise<void>
}
