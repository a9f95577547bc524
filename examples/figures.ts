// Figures of the broker and of the machine, as the system agent reports them.

import { availableParallelism, freemem, hostname, loadavg, totalmem, uptime } from 'node:os'
import type { BrokerStatus } from '../client/index.ts'

/** What is reported of the broker. */
export interface BrokerFigures extends Pick<BrokerStatus, 'version' | 'pid' | 'phase' | 'uptimeMs' | 'connections' | 'channels' | 'agents' | 'rssBytes' | 'heapBytes' | 'cpuSeconds'> {
  /** CPUs that it kept busy between this report and the one before, 0.5 = half of one; 0 in the first report. */
  readonly cpuLoad: number
}

export interface HostFigures {
  readonly name: string
  readonly cpus: number
  /** Averages over 1, 5 and 15 minutes. */
  readonly loadAverage: readonly number[]
  readonly memoryBytes: number
  readonly freeMemoryBytes: number
  readonly uptimeMs: number
}

export function hostFigures(): HostFigures {
  return { name: hostname(), cpus: availableParallelism(), loadAverage: loadavg(), memoryBytes: totalmem(), freeMemoryBytes: freemem(), uptimeMs: Math.round(uptime() * 1000) }
}

/** The broker's status without what is of no use elsewhere; `previous` is the status of the report before. */
export function brokerFigures(status: BrokerStatus, previous: BrokerStatus | undefined): BrokerFigures {
  const { version, pid, phase, uptimeMs, connections, channels, agents, rssBytes, heapBytes, cpuSeconds } = status
  // A broker that was started anew has not used less CPU than before.
  const isSame = previous !== undefined && previous.incarnation === status.incarnation && uptimeMs > previous.uptimeMs
  const cpuLoad = isSame ? (cpuSeconds - previous.cpuSeconds) / ((uptimeMs - previous.uptimeMs) / 1000) : 0
  return { version, pid, phase, uptimeMs, connections, channels, agents, rssBytes, heapBytes, cpuSeconds, cpuLoad: Math.round(cpuLoad * 1000) / 1000 }
}
