// What is tried for each kind of probe, and how that is called.

import type { ProbeInfo, ProbeTarget } from '../../broker/ground/probes.ts'
import { commandAttempt, type ProbeProcess } from './command-attempt.ts'
import { httpAttempt } from './http-attempt.ts'
import { pingAttempt, type Ping } from './ping-attempt.ts'
import type { Attempt } from './probe.ts'
import { targetText } from './target-text.ts'
import { tcpAttempt } from './tcp-attempt.ts'

/** What probes need of an instance. */
export interface ProbedInstance {
  readonly ping: Ping
  /** As `Attempt.sight`, of pings. */
  readonly sight: () => string | undefined
  /** Starts a program beside it, confined as it is; the signal ends what is on the way to that. */
  readonly run: (command: readonly string[], signal: AbortSignal) => Promise<ProbeProcess>
}

export function attemptOf(target: ProbeTarget, { ping, sight, run }: ProbedInstance): Attempt {
  if (target.kind === 'tcp') return tcpAttempt(target.host, target.port)
  if (target.kind === 'http') return httpAttempt(target.url, target.status)
  if (target.kind === 'command') return commandAttempt((signal) => run(target.command, signal))
  return Object.assign(pingAttempt(ping), { sight })
}

export function about(target: ProbeTarget): Pick<ProbeInfo, 'kind' | 'target'> {
  return { kind: target.kind, target: targetText(target) }
}
