// Starts load processes and waits for their answers.

import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Job, Outcome } from './job.ts'

const loadFile = join(import.meta.dirname, 'main.ts')

/** A load process that has answered and lives until it is released. */
export interface HeldLoad {
  readonly outcome: Outcome
  /** Problems of the outcome, and those it told since. */
  problems(): readonly string[]
  release(): Promise<void>
}

/**
 * Runs one job in a process of its own; the process stays, with its connections, until `release()`.
 * Rejects when the process ends without an answer.
 */
export function holdLoad(job: Job): Promise<HeldLoad> {
  const child = fork(loadFile)
  child.send(job)
  return new Promise((resolve, reject) => {
    child.once('exit', code => reject(new Error(`the load process ended with code ${code} before it answered`)))
    const problems: string[] = []
    child.on('message', (outcome: Outcome) => {
      problems.push(...outcome.problems)
      resolve({ outcome, problems: () => problems, release: () => release(child) })
    })
  })
}

/** Runs one job to its end. */
export async function runLoad(job: Job): Promise<Outcome> {
  const held = await holdLoad(job)
  await held.release()
  return held.outcome
}

function release(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    if (child.exitCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.disconnect()
  })
}
