// The figures of all queues together, for metrics and their history. Each queue's own are told by telemetry, with its name.

import type { Core } from './core.ts'
import type { QueueCounts } from './ground/store.ts'

/** As of the last look at the queues, a second ago at most. */
export function queueMetrics({ queues, queueFigures, clock }: Core): Record<string, number> {
  const counts = [...queueFigures.all()].map(([, each]) => each)
  const sum = (read: (each: QueueCounts) => number): number => counts.reduce((total, each) => total + read(each), 0)
  const oldest = Math.min(...counts.filter(({ oldestAtMs }) => oldestAtMs > 0).map(({ oldestAtMs }) => oldestAtMs))
  const list = queues.list()
  return {
    queues: list.length,
    queues_failed: list.filter(({ problem }) => problem !== undefined).length,
    queue_consumers: list.reduce((total, { consumers }) => total + consumers.count, 0),
    queue_messages_waiting: sum((each) => each.ready + each.delayed + each.held),
    queue_messages_in_flight: sum((each) => each.inFlight),
    queue_messages_bytes: sum((each) => each.bytes),
    queue_dead_letters: sum((each) => each.deadLetters),
    queue_oldest_age_seconds: oldest === Infinity ? 0 : Math.max(0, clock.wallMicros() / 1000 - oldest) / 1000,
    queue_stored_total: sum((each) => each.stored),
    queue_duplicates_total: sum((each) => each.duplicates),
    queue_acked_total: sum((each) => each.acked + each.forwarded),
    queue_retried_total: sum((each) => each.retried),
    queue_dead_lettered_total: sum((each) => each.deadLettered),
    queue_lost_total: sum((each) => each.expired + each.dropped),
  }
}
