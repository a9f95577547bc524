// Checks that the broker answers, with the credential that the other commands use, and that it has its gateway and its NATS port.

import { findHolder } from '../../broker/ground/home-lock.ts'
import { linkFinding } from '../bus-view.ts'
import { clusterFindings } from '../cluster-view.ts'
import type { Context } from '../context.ts'
import { explain } from '../explain.ts'
import { formatDuration } from '../format.ts'
import { withClient } from '../with-client.ts'
import type { Finding } from './finding.ts'

const SLOW_MS = 250

export async function* checkBroker(context: Context): AsyncGenerator<Finding> {
  if ((await findHolder(context.paths)) === undefined) {
    yield { check: 'broker', state: 'warn', text: 'it does not run', remedy: 'callboard start' }
    return
  }
  try {
    yield* await withClient(context, async (client): Promise<Finding[]> => {
      const sentMs = performance.now()
      await client.call('ping')
      const ms = performance.now() - sentMs
      const text = `answers principal "${client.welcome.principal}" (${client.welcome.roles.join(', ')}) in ${formatDuration(ms)}`
      const broker: Finding = ms < SLOW_MS ? { check: 'broker', state: 'ok', text } : { check: 'broker', state: 'warn', text, remedy: 'see what keeps it busy: callboard ipc latency, callboard ipc stats' }
      const { gatewayProblem, natsProblem, bus, queues } = await client.call('status')
      const gateway: Finding[] = gatewayProblem === undefined ? [] : [{ check: 'gateway', state: 'warn', text: gatewayProblem, remedy: 'callboard gateway status --verbose names who has the port; then callboard restart' }]
      const nats: Finding[] = natsProblem === undefined ? [] : [{ check: 'nats', state: 'warn', text: natsProblem, remedy: 'stop what has the port, or set nats.port, or nats: false; then callboard restart' }]
      const failed: Finding[] = queues === undefined || queues.failed.length === 0 ? [] : [{ check: 'queues', state: 'fail', text: `${queues.failed.join(', ')} cannot work`, remedy: 'callboard queue status says why' }]
      return [broker, ...gateway, ...nats, ...failed, ...(bus === undefined ? [] : [linkFinding(bus), ...clusterFindings(bus.cluster)])]
    })
  } catch (thrown) {
    const { message, hint } = explain(thrown)
    yield { check: 'broker', state: 'fail', text: message, ...(hint !== undefined && { remedy: hint }) }
  }
}
