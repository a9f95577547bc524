// What stories about queues ask of a broker: its queues as a configuration would have them, and how they stand.

import type { ApiAnswer, Client } from '../../client/index.ts'
import { until } from './until.ts'

/** Retries at once and without randomness, so that stories need not wait; everything else as it is by default. */
const quickRetry = { maxAttempts: 3, backoff: ['5ms'], jitter: 0 } as const

/** A channel of mode `queue`, for the configuration of a broker. */
export function queueChannel(name: string, queue: object = {}, more: object = {}): object {
  return { name, mode: 'queue', queue: { retryPolicy: quickRetry, ...queue }, ...more }
}

export type QueueNumbers = NonNullable<ApiAnswer<'queue.show'>['counts']>

export async function countsOf(client: Client, name: string): Promise<QueueNumbers> {
  const { counts } = await client.call('queue.show', { name })
  if (counts === undefined) throw new Error(`nobody knows how queue ${name} stands`)
  return counts
}

/** Resolves with the counts of a queue once they are such. */
export async function countsWhen(client: Client, name: string, holds: (counts: QueueNumbers) => boolean): Promise<QueueNumbers> {
  let counts = await countsOf(client, name)
  await until(async () => holds(counts) || holds((counts = await countsOf(client, name))))
  return counts
}

/** Nothing of it waits, for anybody. */
export function isEmpty({ ready, delayed, held, inFlight }: QueueNumbers): boolean {
  return ready + delayed + held + inFlight === 0
}
