// How the process is doing, by OpenTelemetry's conventions for processes and for Node's runtime.

import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Meter, ObservableResult } from '@opentelemetry/api'
import { ownMemory } from '../broker/ground/process-memory.ts'

const PERCENTILES = [50, 90, 99] as const
const NANOS = 1e9

/** Makes the instruments. The returned function ends the watch of the event loop. */
export function createProcessInstruments(meter: Meter): () => void {
  // 20 ms: finer costs more than what it shows.
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  const gauge = (name: string, unit: string, description: string, read: () => number): void => meter.createObservableGauge(name, { unit, description }).addCallback((result: ObservableResult) => result.observe(read()))
  const seconds = (nanos: number): number => (delay.count === 0 ? 0 : nanos / NANOS)
  for (const percentile of PERCENTILES) gauge(`nodejs.eventloop.delay.p${percentile}`, 's', `Delay of the event loop, percentile ${percentile}.`, () => seconds(delay.percentile(percentile)))
  gauge('nodejs.eventloop.delay.max', 's', 'Longest delay of the event loop.', () => seconds(delay.max))

  let before = performance.eventLoopUtilization()
  gauge('nodejs.eventloop.utilization', '1', 'Share of the time in which the event loop was busy, since it was last read.', () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return utilization
  })

  meter.createObservableUpDownCounter('process.memory.usage', { unit: 'By', description: 'Resident memory.' }).addCallback(result => result.observe(ownMemory().rss))
  meter.createObservableUpDownCounter('nodejs.memory.heap.used', { unit: 'By', description: 'Heap in use.' }).addCallback(result => result.observe(ownMemory().heapUsed))
  meter.createObservableCounter('process.cpu.time', { unit: 's', description: 'Processor time.' }).addCallback(result => {
    const { user, system } = process.cpuUsage()
    result.observe(user / 1e6, { 'cpu.mode': 'user' })
    result.observe(system / 1e6, { 'cpu.mode': 'system' })
  })
  meter.createObservableGauge('process.uptime', { unit: 's', description: 'Time since the process began.' }).addCallback(result => result.observe(process.uptime()))
  return () => delay.disable()
}
