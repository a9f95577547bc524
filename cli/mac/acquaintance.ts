// Makes the acquaintance of the broker in a home: who holds it, whether it answers, and as what it introduces itself.

import { BrokerError } from '../../broker/ground/errors.ts'
import { findHolder, type Holder } from '../../broker/ground/home-lock.ts'
import { socketPath } from '../../client/options.ts'
import type { Probe } from '../../client/probe.ts'
import type { Candidate } from './candidates.ts'
import { explainProbe, openProbe } from './open-probe.ts'

/** A home in which a broker runs or is expected. */
export interface FoundBroker {
  readonly home: string
  readonly socket: string
  readonly foundBy: readonly string[]
  /** Missing when nobody runs, or in a container that shows no pid. */
  readonly pid?: number
  readonly isAnswering: boolean
  /** What its welcome says; missing when it does not answer. */
  readonly welcome?: { readonly protocol: number; readonly broker: string; readonly incarnation: number; readonly principal: string; readonly roles: readonly string[] }
  /** One ping and its pong. */
  readonly roundTripMs?: number
  /** Why it does not answer. */
  readonly problem?: { readonly code: string; readonly message: string; readonly hint?: string }
}

/** What is found there; undefined when nobody runs and nobody was expected. Never throws: what goes wrong is in `problem`. */
export async function meet(candidate: Candidate, timeoutMs: number): Promise<FoundBroker | undefined> {
  const { paths, foundBy, isExpected } = candidate
  let { socket } = paths
  let holder: Holder | undefined
  let probe: Probe | undefined
  try {
    holder = await findHolder(paths)
    if (holder === undefined && !isExpected) return undefined
    const target = candidate.target()
    socket = socketPath(target)
    // A socket that the environment names may be another home's.
    if (holder === undefined && socket === paths.socket) throw new BrokerError('broker.not_running', { home: paths.home })
    probe = openProbe(target, timeoutMs)
    return { home: paths.home, socket, foundBy, ...pidOf(holder), isAnswering: true, ...(await introduce(probe)) }
  } catch (thrown) {
    // A mere hint, such as an old environment, that leads where nobody may look.
    if (holder === undefined && !isExpected) return undefined
    const { code, message, hint } = explainProbe(thrown, probe, socket)
    return { home: paths.home, socket, foundBy, ...pidOf(holder), isAnswering: false, problem: { code, message, ...(hint !== undefined && { hint }) } }
  } finally {
    probe?.destroy()
  }
}

async function introduce(probe: Probe): Promise<Required<Pick<FoundBroker, 'welcome' | 'roundTripMs'>>> {
  await probe.connect()
  await probe.greet()
  const { protocol, broker, incarnation, principal, roles } = await probe.welcome()
  const sentMs = performance.now()
  await probe.ping()
  const roundTripMs = performance.now() - sentMs
  await probe.goodbye()
  return { welcome: { protocol, broker, incarnation, principal, roles }, roundTripMs }
}

function pidOf(holder: Holder | undefined): { pid?: number } {
  return holder === undefined || holder.pid === 0 ? {} : { pid: holder.pid }
}
