// The broker's own histogram of delivery times in the shape of a metric: it exists already, so nothing is recorded twice.

import { ValueType, type HrTime } from '@opentelemetry/api'
import { AggregationTemporality, DataPointType, type CollectionResult, type HistogramMetricData, type MetricProducer } from '@opentelemetry/sdk-metrics'
import { emptyResource } from '@opentelemetry/resources'
import { Attribute, SYSTEM } from '../broker/ground/span-attributes.ts'
import type { DurationSource } from '../broker/ground/telemetry.ts'

/** Microseconds: from what a quiet broker needs to what a stalled one takes. */
const BOUNDS_MICROS = [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000]
const MICROS = 1e6

export class LatencyProducer implements MetricProducer {
  readonly #scope: { readonly name: string; readonly version: string }
  readonly #startTime: HrTime = now()
  /** undefined until there is a broker. */
  source: DurationSource | undefined = undefined

  constructor(scope: { readonly name: string; readonly version: string }) {
    this.#scope = scope
  }

  collect(): Promise<CollectionResult> {
    const metrics = this.source === undefined ? [] : [this.#metric(this.source)]
    return Promise.resolve({ resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope: this.#scope, metrics }] }, errors: [] })
  }

  #metric(source: DurationSource): HistogramMetricData {
    const { count, sumMicros, maxMicros } = source
    const buckets = { boundaries: BOUNDS_MICROS.map(micros => micros / MICROS), counts: source.countsWithin(BOUNDS_MICROS) }
    return {
      descriptor: { name: 'callboard.delivery.duration', description: 'From received to taken by the receiver\'s kernel.', unit: 's', valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: [{ startTime: this.#startTime, endTime: now(), attributes: { [Attribute.system]: SYSTEM }, value: { buckets, count, sum: sumMicros / MICROS, ...(count === 0 ? {} : { max: maxMicros / MICROS }) } }],
    }
  }
}

function now(): HrTime {
  const ms = Date.now()
  return [Math.floor(ms / 1000), (ms % 1000) * 1e6]
}
