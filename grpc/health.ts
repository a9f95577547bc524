// What HealthCheck says, as the methods of the broker tell it.

import type { ConnectionEnd } from './connection-end.ts'
import type { HealthStatus } from './messages.ts'

interface BrokerHealth {
  readonly state: 'ok' | 'warn' | 'fail'
  readonly parts: readonly { readonly part: string; readonly state: string; readonly text: string }[]
}

interface Instances {
  readonly instances: readonly { readonly instance: string; readonly version: string; readonly health: string }[]
}

const statuses = { ok: 'STATUS_SERVING', warn: 'STATUS_DEGRADED', fail: 'STATUS_NOT_SERVING' } as const

/** Of the broker: its worst part decides. */
export async function brokerHealth(end: ConnectionEnd): Promise<HealthStatus> {
  const { state, parts } = (await end.method('health')) as BrokerHealth
  return { status: statuses[state], parts: parts.map(({ part, state: each, text }) => ({ name: part, state: each, text })), timeUs: Date.now() * 1000 }
}

/** Of a registered name: it serves as long as one instance is healthy. `instance`: of that one alone; `''`: of all. */
export async function serviceHealth(end: ConnectionEnd, name: string, instance: string): Promise<HealthStatus> {
  const { instances } = (await end.method('registry.list', { name })) as Instances
  const asked = instances.filter((each) => instance === '' || each.instance === instance)
  const healthy = asked.filter(({ health }) => health === 'healthy').length
  const status = asked.length === 0 ? 'STATUS_UNKNOWN' : healthy === 0 ? 'STATUS_NOT_SERVING' : healthy < asked.length ? 'STATUS_DEGRADED' : 'STATUS_SERVING'
  return { status, parts: asked.map(({ instance: each, health, version }) => ({ name: each, state: health, text: version })), timeUs: Date.now() * 1000 }
}
