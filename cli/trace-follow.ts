// Reads the flight recorder from a position on. Knows what it answers, not how that is shown.

import { setTimeout as delay } from 'node:timers/promises'
import type { Client, TraceEntry, TraceQuery } from '../client/index.ts'

const POLL_MS = 500
/** Entries that are asked for at once. */
const BATCH = 1000

/** What came after a position. */
interface TraceBatch {
  readonly entries: readonly TraceEntry[]
  /** Runs that the recorder forgot before they were asked for. */
  readonly missed: number
}

/** What the recorder gets from position `next` on and the query selects, until `signal` is aborted. Asks twice a second, oftener while there is more. */
export async function* followTrace(client: Client, query: TraceQuery, next: number, signal: AbortSignal): AsyncGenerator<TraceBatch> {
  while (!signal.aborted) {
    const { entries, from, to } = await client.call('trace.show', { ...query, after: next - 1, limit: BATCH })
    const missed = Math.max(0, from - next)
    if (entries.length > 0 || missed > 0) yield { entries, missed }
    const isMore = entries.length === BATCH
    next = isMore ? entries.at(-1)!.seq + 1 : to
    if (!isMore) await delay(POLL_MS, undefined, { signal }).catch(() => {})
  }
}
