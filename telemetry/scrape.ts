// Metrics as text for Prometheus, made when they are asked for. Serves nothing itself.

import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { MetricReader, type MetricProducer } from '@opentelemetry/sdk-metrics'

export class ScrapeReader extends MetricReader {
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, false, true)

  constructor(metricProducers: MetricProducer[]) {
    super({ metricProducers })
  }

  /** @throws what a collection that failed as a whole throws */
  async text(): Promise<string> {
    const { resourceMetrics } = await this.collect()
    return this.#serializer.serialize(resourceMetrics)
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve()
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve()
  }
}
