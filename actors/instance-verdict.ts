// How an instance of an agent is, as whoever looks after its health says. Types only.

/** `starting`: it is not known yet. */
export interface InstanceVerdict {
  readonly state: 'starting' | 'healthy' | 'unhealthy'
  /** Why it is not healthy, in words. */
  readonly problem?: string
}
