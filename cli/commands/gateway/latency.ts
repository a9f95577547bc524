// `callboard gateway latency`: any percentiles of how long deliveries take, and of how late the event loop is.

import type { Context } from '../../context.ts'
import { printLatency, type LatencyColumn } from '../../latency-view.ts'
import { withClient } from '../../with-client.ts'

interface LatencyOptions {
  readonly percentiles: readonly number[]
  readonly byChannel?: true
}

export async function gatewayLatency(context: Context, { percentiles, byChannel }: LatencyOptions): Promise<void> {
  const answer = await withClient(context, client => client.call('latency', { percentiles, groups: byChannel === true }))
  const columns = percentiles.map((percentile, at): LatencyColumn => ({ title: `P${percentile}`, of: values => values.at![at]!.ms }))
  await printLatency(context, answer, columns)
}
