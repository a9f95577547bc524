// One worker of a pool: takes a job from the queue `jobs`, does it, and puts the result into the queue `results` in the same step as it
// takes the job off the queue. Killed at any moment, it leaves either the job or its result, never both and never neither.

import { setTimeout } from 'node:timers/promises'
import type { QueuedMessage } from '../client/index.ts'
import { runAgent } from './agent.ts'

export interface Job {
  readonly name: string
  /** How long it takes. ms */
  readonly takesMs: number
  /** How many attempts fail before it works. */
  readonly failures: number
}

export interface Result {
  readonly name: string
  readonly by: string
  readonly attempt: number
}

const name = process.env['CALLBOARD_AGENT'] ?? `worker ${process.pid}`

async function work(message: QueuedMessage<Job>): Promise<void> {
  const job = message.value
  // Nothing will ever come of it: set aside at once, with the reason.
  if (typeof job?.name !== 'string') return message.term('not a job')
  await setTimeout(job.takesMs, undefined, { signal: message.signal })
  // Thrown, it is tried again later, here or elsewhere, until the queue's `maxAttempts`.
  if (message.attempt <= job.failures) throw new Error(`${job.name} went wrong`)
  const result: Result = { name: job.name, by: name, attempt: message.attempt }
  await message.forward('results', result)
}

await runAgent(async client => {
  // One at a time, and no second one kept ready: jobs take long, and others may be free.
  await client.consume<Job>('jobs', { maxInFlight: 1, onMessage: work }).ready
})
