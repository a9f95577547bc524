// Counters and gauges of broker and process, one number per name.

import { busMetrics } from './bus-metrics.ts'
import type { BusStatus } from './ground/api.ts'
import { dropReasons, type DropReason } from './ground/fate.ts'
import { ownMemory } from './ground/process-memory.ts'
import type { Pipeline } from './pipeline.ts'
import { queueMetrics } from './queue-metrics.ts'

/** Names end in their unit, or in `_total` for counters that only grow. `bus`: of the link to other brokers, where one is configured. */
export function metricsOf(pipeline: Pipeline, bus: BusStatus | undefined): Record<string, number> {
  const { core } = pipeline
  const { pool } = core
  const wait = core.poolWait.percentiles()
  const { services, instances, healthy } = core.registry.counts
  const totals = core.accounts.totals()
  const memory = ownMemory()
  const cpu = process.cpuUsage()
  const metrics: Record<string, number> = {
    connections: core.directory.size,
    subscriptions: core.interest.size,
    routes: core.routes.size,
    open_requests: pipeline.openRequests,
    channels: core.channels.list().length,
    registry_names: services,
    registry_instances: instances,
    registry_instances_healthy: healthy,
    deadlines: core.deadlines.size,
    bus_joined: core.busConnection?.isReady === true ? 1 : 0,
    messages_accepted_total: totals.accepted,
    messages_rejected_total: totals.rejected,
    messages_duplicate_total: totals.duplicates,
    method_calls_total: core.accounts.methods.accepted,
    deliveries_total: totals.deliveries,
    deliveries_written_total: totals.written,
    deliveries_forwarded_total: totals.forwarded,
    deliveries_stored_total: totals.stored,
    deliveries_pending: totals.pending,
    ...queueMetrics(core),
    recorder_runs_total: core.recorder.next,
    pool_threads: pool.threads.length,
    pool_tasks_queued: pool.depth,
    pool_tasks_done_total: pool.doneTasks,
    pool_tasks_inline_total: pool.inlineTasks,
    pool_tasks_repeated_total: pool.lostTries,
    pool_wait_p50_seconds: wait.p50 / 1000,
    pool_wait_p99_seconds: wait.p99 / 1000,
    process_resident_bytes: memory.rss,
    process_heap_bytes: memory.heapUsed,
    process_cpu_seconds_total: (cpu.user + cpu.system) / 1e6,
    process_uptime_seconds: process.uptime(),
    ...(core.settings.bus.nats === undefined ? {} : busMetrics(bus)),
  }
  for (const reason of dropReasons) metrics[droppedMetric(reason)] = totals.dropped[reason]
  return metrics
}

/** Name of the counter of deliveries that were dropped for a reason. */
export function droppedMetric(reason: DropReason): string {
  return `deliveries_dropped_${reason.replaceAll('-', '_')}_total`
}
