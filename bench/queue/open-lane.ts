// Picks the client that goes with a server.

import type { LaneTarget } from './job.ts'
import type { Lane } from './lane.ts'

/** Loaded when asked for: the driver's process pays for one client alone. */
export async function openLane(target: LaneTarget): Promise<Lane> {
  switch (target.kind) {
    case 'callboard':
      return (await import('./callboard-lane.ts')).openCallboardLane(target)
    case 'jetstream':
      return (await import('./jetstream-lane.ts')).openJetStreamLane(target)
    case 'redis':
      return (await import('./redis-lane.ts')).openRedisLane(target)
    case 'rabbitmq':
      return (await import('./rabbitmq-lane.ts')).openRabbitLane(target)
  }
}
