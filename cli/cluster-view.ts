// Shows what a broker shares with those that it is joined to, and the leases that it holds.

import type { ClusterStatus } from '../broker/ground/cluster.ts'
import type { LeaseInfo } from '../broker/ground/leases.ts'
import type { Finding } from './checks/finding.ts'
import { formatDuration, plural } from './format.ts'

/** Who is there, for a table of fields. */
export function clusterFields({ brokers, clients, channels, conflicts, replicas, problem }: ClusterStatus): (readonly [string, string])[] {
  const names = brokers.map(({ name, host }) => `${name} at ${host}`).join(', ')
  const known = `${names === '' ? 'no other broker' : names}; ${plural(clients, 'client')} there, ${plural(channels, 'shared channel')}, kept on ${plural(replicas, 'server')}`
  return [['cluster', [problem ?? known, ...conflicts.map(({ channel, here, there }) => `channel ${channel} is ${here} here and ${there} elsewhere`)].join('; ')]]
}

/** What this broker alone may do; nothing where that is nothing. */
export function leaseFields(leases: readonly LeaseInfo[]): (readonly [string, string])[] {
  return leases.length === 0 ? [] : [['leases', leases.map(({ name, token, heldMs }) => `${name} for ${formatDuration(heldMs)} (token ${token})`).join(', ')]]
}

/** What `doctor` says of it. */
export function clusterFindings({ brokers, conflicts, replicas, problem }: ClusterStatus): Finding[] {
  const check = 'cluster'
  if (problem !== undefined) return [{ check, state: 'warn', text: problem, remedy: 'the NATS servers need JetStream for it; callboard status shows the link' }]
  const known: Finding = { check, state: 'ok', text: `knows ${plural(brokers.length, 'other broker')}; clients, channels and leases are kept on ${plural(replicas, 'server')}` }
  return [known, ...conflicts.map(({ channel, here, there }): Finding => ({ check, state: 'warn', text: `channel ${channel} is ${here} here and ${there} at other brokers`, remedy: `delete it where it is wrong: callboard ipc channel delete --name ${channel}` }))]
}
