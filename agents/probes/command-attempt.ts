// A probe that runs a program: 0 is well, any other exit is not. How it is started is not known here.

import type { AgentExit } from '../agent-process.ts'
import type { Attempt } from './probe.ts'

/** A program that was started: a process group of its own. */
export interface ProbeProcess {
  readonly exited: Promise<AgentExit>
  kill(): void
}

export function commandAttempt(start: () => Promise<ProbeProcess>): Attempt {
  return async (signal) => {
    const program = await start()
    const kill = (): void => program.kill()
    // It may have taken all its time to start.
    if (signal.aborted) kill()
    signal.addEventListener('abort', kill, { once: true })
    const { code, signal: endedBy } = await program.exited
    signal.removeEventListener('abort', kill)
    if (code === 0) return undefined
    return endedBy === null ? `exited with code ${code}` : `was ended by ${endedBy}`
  }
}
