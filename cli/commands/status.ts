// `callboard status`: whether the broker runs, and how it is.

import { BrokerError } from '../../broker/ground/errors.ts'
import { findHolder } from '../../broker/ground/home-lock.ts'
import type { Context } from '../context.ts'
import { formatBytes, formatCount, formatDuration } from '../format.ts'
import { print, printJson } from '../output.ts'
import { formatFields } from '../table.ts'
import { withClient } from '../with-client.ts'

const MS_PER_SECOND = 1000

/** @throws BrokerError `broker.not_running`, which ends the command with exit code 1 */
export async function status(context: Context): Promise<void> {
  if ((await findHolder(context.paths)) === undefined) throw new BrokerError('broker.not_running', { home: context.paths.home })
  const now = await withClient(context, client => client.call('status'))
  if (context.isJson) return printJson(now)
  const { host } = now
  await print(
    formatFields([
      ['broker', `${now.broker}, incarnation ${now.incarnation}, version ${now.version}`],
      ['phase', now.phase],
      ['pid', String(now.pid)],
      ['up', formatDuration(now.uptimeMs)],
      ['home', now.home],
      ['socket', now.socket],
      ['gateway', now.gateway ?? now.gatewayProblem ?? 'not configured'],
      ['connections', formatCount(now.connections)],
      ['channels', formatCount(now.channels)],
      ['agents', formatCount(now.agents)],
      ['memory', `${formatBytes(now.rssBytes)} resident, ${formatBytes(now.heapBytes)} heap`],
      ['cpu', `${formatDuration(now.cpuSeconds * MS_PER_SECOND)} used`],
      ['host', `${host.name}, ${host.cpus} cpus, load ${host.loadAverage.map(load => load.toFixed(2)).join(' ')}, ${formatBytes(host.freeMemoryBytes)} of ${formatBytes(host.memoryBytes)} free`],
    ]),
  )
}
