// `callboard ipc latency`: how long deliveries take, and how long the event loop keeps them waiting.

import type { Context } from '../../context.ts'
import { printLatency, type LatencyColumn } from '../../latency-view.ts'
import { withClient } from '../../with-client.ts'

const percentiles: readonly LatencyColumn[] = [
  { title: 'P50', of: ({ p50 }) => p50 },
  { title: 'P95', of: ({ p95 }) => p95 },
  { title: 'P99', of: ({ p99 }) => p99 },
]

export async function latency(context: Context): Promise<void> {
  await printLatency(context, await withClient(context, client => client.call('latency')), percentiles)
}
