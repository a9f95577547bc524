// The memory that a broker shares with the clients of its host, as its settings want it.

import type { Settings } from '../broker/ground/settings.ts'
import type { Log } from '../broker/ground/types.ts'
import { lentFrame } from '../dialects/native/lent-frame.ts'
import { HostMemory } from '../transports/unix/host-memory.ts'

/** Whatever releases it in the end. */
export interface ReleaseScope {
  defer(release: () => void): void
}

/** A client lends one write at a time: one large frame, or 64 KiB of small ones. */
const HEADERS_BYTES = 64 * 1024
/** Of what may wait for a receiver, the reserve above high-water is a quarter (broker/delivery/marks.ts): half of it, as the socket's own chunk and other senders need room in it too. */
const RESERVES = 8

/** Removes what earlier brokers of this home left; its own goes with the scope. undefined: none is shared. */
export function openSharedMemory({ sharedMemory, ipc }: Settings, broker: string, log: Log, scope: ReleaseScope): HostMemory | undefined {
  if (!sharedMemory.enabled || !ipc.enabled || process.platform !== 'linux') return undefined
  const { thresholdBytes, limitBytes } = sharedMemory
  const memory = new HostMemory({ broker, thresholdBytes, limitBytes, maxTakenBytes: ipc.performance.maxMessageBytes + HEADERS_BYTES, aheadBytes: ipc.limits.maxPendingBytes / RESERVES, lentFrame, log })
  scope.defer(() => memory.close())
  memory.removeLeftovers()
  return memory
}
