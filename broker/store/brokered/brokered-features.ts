// What queues over servers with copies promise, whichever servers those are.

import type { StoreFeatures } from '../../ground/store.ts'

/** With so many copies a message survives the end of a machine, which is what `fsync` promises. */
const SAFE_REPLICAS = 3

interface ReplicaLimits {
  /** What `fsync` means there, with as many copies as it takes. */
  readonly safe: string
  /** Why `fsync` is refused with fewer. */
  readonly unsafe: string
  /** What else these servers cannot promise. */
  readonly others: readonly string[]
}

/** Of a store that keeps each queue on so many servers. */
export function brokeredFeatures(replicas: number, { safe, unsafe, others }: ReplicaLimits): StoreFeatures {
  const isSafe = replicas >= SAFE_REPLICAS
  return {
    forward: false,
    durability: isSafe ? 'fsync' : 'os',
    backup: false,
    verify: false,
    limits: [
      isSafe ? safe : unsafe,
      ...others,
      'a message cannot become others in one step (forward)',
      'counts of duplicates, retries, expired, dropped and purged messages of the last second are lost when a broker is killed; what is not counted otherwise counts as acknowledged',
    ],
  }
}
