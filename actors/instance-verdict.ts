// How an instance of an agent is, as whoever looks after its health says. Types only.

import type { ProbeHealth, ProbeInfo } from '../broker/ground/probes.ts'

/** `starting`: it is not known yet. */
export interface InstanceVerdict {
  readonly state: ProbeHealth
  /** Why it is not healthy, in words. */
  readonly problem?: string
  /** What its probes have found; missing: it has none. */
  readonly probes?: readonly ProbeInfo[]
}
