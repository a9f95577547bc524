// Probes as the configuration has them, in the units that the code uses.

import type { ProbePace, ProbeSettings, ProbeTarget, TrafficSettings } from '../broker/ground/probes.ts'
import { resolveCommand } from './paths.ts'
import type { ConfigFile } from './schema.ts'

type Agent = NonNullable<ConfigFile['agents']>[number]
type Item = Agent['probes'][number]
type Traffic = Agent['health']

/** What its kind needs is there: the cross checks have seen to that. */
export function probeSettings(probe: Item): ProbeSettings {
  const { interval, timeout, initialDelay, failureThreshold, successThreshold, onFailure } = probe
  const pace: ProbePace = { intervalMs: interval, timeoutMs: timeout, initialDelayMs: initialDelay, failureThreshold, successThreshold, onFailure }
  return { ...targetOf(probe), ...pace }
}

/** undefined: nothing is looked at. */
export function trafficSettings({ errorRate, latency, silence, window, onFailure }: Traffic): TrafficSettings | undefined {
  if (errorRate === undefined && latency === undefined && silence === undefined) return undefined
  return { errorRate, latencyMs: latency, silenceMs: silence, windowMs: window, onFailure }
}

function targetOf({ kind, host = '127.0.0.1', port = 0, url = '', status, command = [] }: Item): ProbeTarget {
  if (kind === 'tcp') return { kind, host, port }
  if (kind === 'http') return { kind, url: url.startsWith(':') ? `http://127.0.0.1${url}` : url, status }
  if (kind === 'command') return { kind, command: command.map((part, at) => (at === 0 ? resolveCommand(part) : part)) }
  return { kind }
}
