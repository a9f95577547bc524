// One run of one server: fresh, with an empty queue, driven by a process of its own.

import { Worker } from '../isolation/worker.ts'
import type { Job, JobOutcome, Step } from './job.ts'
import type { QueueServer } from './server.ts'
import type { Subject } from './subjects.ts'

export interface RunOptions {
  /** Published, consumed, and sent through, each; a fifth of them before the figures begin. */
  readonly messages: number
  /** Messages a second of the step whose latencies are looked at. */
  readonly rate: number
  readonly pacedSeconds: number
  /** Where servers make their directories. */
  readonly directory: string
}

const WARM_SHARE = 0.2

/** @throws Error when the server does not start, refuses something, or stalls */
export async function runOnce(subject: Subject, options: RunOptions): Promise<JobOutcome> {
  const server = await subject.start(options.directory)
  try {
    return await drive(server, { steps: stepsOf(options), before: 0, leavesBacklog: false })
  } finally {
    await server.stop()
  }
}

/** Runs steps in a process of their own. */
export async function drive({ target, pid }: Pick<QueueServer, 'target' | 'pid'>, work: Omit<Job, 'target' | 'pid'>): Promise<JobOutcome> {
  const driver = new Worker('../queue/driver.ts')
  try {
    driver.tell({ target, pid, ...work } satisfies Job)
    return await driver.answer<JobOutcome>()
  } finally {
    await driver.release()
  }
}

// The queue is filled first and emptied then: each has the server for itself, and what is consumed waited in the queue.
function stepsOf({ messages, rate, pacedSeconds }: RunOptions): readonly Step[] {
  const warm = Math.floor(messages * WARM_SHARE)
  const paced = Math.ceil(rate * pacedSeconds)
  return [
    { kind: 'publish', messages, warm },
    { kind: 'consume', messages, warm },
    { kind: 'through', messages, warm },
    { kind: 'paced', messages: paced, warm: Math.floor(paced * WARM_SHARE), perSecond: rate },
  ]
}
