// What agents of a broker stand on before the first of them starts: nothing of a killed broker is left, and what they need in common is there.

import { join } from 'node:path'
import type { Clock } from '../broker/ground/clock.ts'
import type { Deadlines } from '../broker/ground/deadlines.ts'
import type { AgentSettings } from '../broker/ground/settings.ts'
import type { Log } from '../broker/ground/types.ts'
import { AgentRegister } from './agent-register.ts'
import type { AgentUsers } from './agent-users.ts'
import type { LeftoverOptions } from './leftovers.ts'
import { findCgroups, type Cgroups } from './sandbox/cgroups.ts'

/** The processes that this broker has been and will be: what their agents have is theirs. */
export interface GroundHolders {
  /** A process before this one still has agents. */
  readonly hasPredecessor: boolean
  /** One after it has taken over. */
  readonly hasSuccessor: boolean
  /** See leftovers.ts. */
  endLeftovers(options: LeftoverOptions): Promise<number>
  /** See runtime-place.ts. */
  openPlaces(home: string, hasOtherUsers: boolean): () => void
}

export interface GroundOptions {
  /** Absolute, and locked. */
  readonly home: string
  readonly agents: readonly AgentSettings[]
  readonly users: AgentUsers
  readonly holders: GroundHolders
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly log: Log
  /** What is given back when all agents have ended. */
  readonly defer: (release: () => void) => void
}

export interface AgentGround {
  readonly users: AgentUsers
  readonly register: AgentRegister
  readonly cgroups: Cgroups | undefined
}

/** Time that agents of a killed broker have between SIGTERM and SIGKILL. ms */
const LEFTOVER_GRACE_MS = 2000

/** @throws BrokerError `listener.failed` when the place for agents of other users cannot be made */
export async function prepareGround({ home, agents, users, holders, clock, deadlines, log, defer }: GroundOptions): Promise<AgentGround> {
  const register = new AgentRegister(join(home, 'agents.json'), log)
  const leftovers = await holders.endLeftovers({ register, home, graceMs: LEFTOVER_GRACE_MS, clock, deadlines, log })
  if (leftovers > 0) log.warn({ leftovers }, 'the broker before this one did not end in order')
  defer(holders.openPlaces(home, users.uids.length > 0))
  const cgroups = await findCgroups(home, agents, log, holders.hasPredecessor)
  defer(() => {
    if (!holders.hasSuccessor) cgroups?.close()
  })
  return { users, register, cgroups }
}
