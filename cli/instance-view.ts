// Shows registered instances: a row each, and a line for each change.

import type { InstanceInfo, RegistryChange } from '../client/index.ts'
import { formatCount, formatDuration } from './format.ts'
import type { Column } from './table.ts'

export const instanceColumns: readonly Column<InstanceInfo>[] = [
  { title: 'NAME', cell: each => each.name },
  { title: 'KIND', cell: each => each.kind },
  { title: 'VERSION', cell: each => each.version },
  { title: 'INSTANCE', cell: each => each.instance },
  { title: 'HEALTH', cell: healthOf },
  { title: 'VIA', cell: each => `${each.transport}, ${each.connection}` },
  { title: 'AGE', align: 'right', cell: each => formatDuration(Math.max(0, Math.floor(Date.now() - each.registeredAt))) },
  { title: 'OPEN', align: 'right', cell: each => formatCount(each.outstanding) },
  { title: 'REQUESTS', align: 'right', cell: each => formatCount(each.requests) },
  { title: 'FAILED', align: 'right', cell: each => formatCount(each.failures) },
  { title: 'CAPABILITIES', cell: each => each.capabilities.join(', ') || '-' },
]

/** One line; what was there when the watch began is marked as such. */
export function changeLine({ event, instance, isInitial }: RegistryChange): string {
  const { name, kind, version, instance: id } = instance
  return `${isInitial ? 'there' : event}  ${name}  ${kind} ${version}  ${id}  ${healthOf(instance)}`
}

function healthOf({ health, reachable }: InstanceInfo): string {
  return reachable ? health : `${health}, unreachable`
}
