// A probe that runs a program: 0 is well, any other exit is not. How it is started is not known here.

import type { AgentExit } from '../agent-process.ts'
import type { Attempt } from './probe.ts'

/** A program that was started: a process group of its own. */
export interface ProbeProcess {
  readonly exited: Promise<AgentExit>
  kill(): void
}

/** That a machine is busy, or confining takes its time, says nothing of the agent. ms */
const START_MS = 30_000

/** `start` is told by its signal that nobody wants the program any more. One program at a time: the next is not started before the last is gone. */
export function commandAttempt(start: (signal: AbortSignal) => Promise<ProbeProcess>): Attempt {
  let last: Promise<unknown> = Promise.resolve()
  const run = async (signal: AbortSignal, began: (() => void) | undefined): Promise<string | undefined> => {
    if (signal.aborted) return 'given up'
    const program = await start(signal)
    began?.()
    const kill = (): void => program.kill()
    if (signal.aborted) kill()
    signal.addEventListener('abort', kill, { once: true })
    const { code, signal: endedBy } = await program.exited
    signal.removeEventListener('abort', kill)
    if (code === 0) return undefined
    return endedBy === null ? `exited with code ${code}` : `was ended by ${endedBy}`
  }
  const attempt: Attempt = (signal, began) => {
    const done = last.then(() => run(signal, began))
    last = done.catch(() => {})
    return done
  }
  return Object.assign(attempt, { startsWithinMs: START_MS })
}
