// OpenTelemetry put together for one broker: exporters, providers, and their end. Loaded by telemetry.ts when it is
// configured, and by nobody else: with what it imports it costs 160–280 ms. Registers nothing globally, as the process may be somebody else's.

import { hostname } from 'node:os'
import type { AgentOptions } from 'node:http'
import type { LookupFunction } from 'node:net'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, resourceFromAttributes, type Resource } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader, type IMetricReader } from '@opentelemetry/sdk-metrics'
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions'
import type { Clock } from '../broker/ground/clock.ts'
import type { TelemetrySettings } from '../broker/ground/settings.ts'
import type { BrokerTelemetry, MetricsSource } from '../broker/ground/telemetry.ts'
import type { Log } from '../broker/ground/types.ts'
import { agentEnvironment } from './agent-environment.ts'
import { ExportHealth, guarded, type Exporter, type SignalName } from './guarded-exporter.ts'
import { LatencyProducer } from './latency-producer.ts'
import { lineExporter } from './log-export.ts'
import { MessageSpans } from './message-spans.ts'
import { createInstruments } from './metrics.ts'
import { createProcessInstruments } from './process-metrics.ts'
import { ScrapeReader } from './scrape.ts'

export interface SdkOptions {
  readonly settings: TelemetrySettings
  /** What is sent with every export; may hold secrets. */
  readonly headers: Readonly<Record<string, string>>
  readonly version: string
  readonly instance: string
  readonly clock: Clock
  readonly log: Log
  /** Where the addresses of hosts come from. */
  readonly lookup: LookupFunction
}

/** How long spans and log lines wait to be sent together. ms */
const BATCH_MS = 1000
/** Spans and log lines that wait; what comes above it is lost. */
const MAX_QUEUED = 8192
const MAX_BATCH = 1024
/** Time for one export with its retries. ms */
const EXPORT_MS = 5000
/** Time for everything that waits when the broker ends. ms */
const CLOSE_MS = 3000

export class TelemetrySdk implements BrokerTelemetry {
  readonly tracer: MessageSpans | undefined
  readonly scrape: (() => Promise<string>) | undefined
  readonly agentEnvironment: Readonly<Record<string, string>>
  /** Takes a line of the log; undefined: they are not sent. */
  readonly line: ((line: string) => void) | undefined
  readonly #options: SdkOptions
  readonly #scope: { readonly name: string; readonly version: string }
  readonly #health: ExportHealth[] = []
  readonly #ends: (() => Promise<void>)[] = []
  readonly #latency: LatencyProducer
  readonly #meters: MeterProvider | undefined
  #source: MetricsSource | undefined

  constructor(options: SdkOptions) {
    const { settings, version, instance, clock, log } = options
    this.#options = options
    this.#scope = { name: 'callboard', version }
    this.#latency = new LatencyProducer(this.#scope)
    this.agentEnvironment = agentEnvironment(settings)
    const resource = defaultResource().merge(resourceFromAttributes({ [ATTR_SERVICE_NAME]: settings.serviceName, [ATTR_SERVICE_VERSION]: version, [ATTR_SERVICE_INSTANCE_ID]: instance, 'host.name': hostname(), 'process.pid': process.pid }))
    const { endpoint } = settings
    if (endpoint !== undefined && settings.traces) {
      const traces = this.#traces(endpoint, resource)
      this.tracer = new MessageSpans({ tracer: traces.getTracer(this.#scope.name, version), clock, log, clientOf: connection => this.#source?.clientOf(connection) ?? '' })
    }
    if (endpoint !== undefined && settings.logs) this.line = lineExporter(this.#logs(endpoint, resource).getLogger(this.#scope.name, version))
    const scrape = settings.prometheus ? new ScrapeReader([this.#latency]) : undefined
    if (scrape !== undefined) this.scrape = () => scrape.text()
    this.#meters = this.#metrics(endpoint, resource, scrape)
  }

  observe(source: MetricsSource): void {
    this.#source = source
    this.#latency.source = source.deliveryLatency
    if (this.#meters === undefined) return
    const meter = this.#meters.getMeter(this.#scope.name, this.#scope.version)
    createInstruments(meter, source, this.#health, () => this.tracer?.skipped ?? 0)
    const stop = createProcessInstruments(meter)
    this.#ends.push(() => Promise.resolve(stop()))
  }

  /** Sends what waits and ends. Takes 3 s at most; never rejects. */
  async close(): Promise<void> {
    this.tracer?.close()
    let cancel = (): void => {}
    const limit = new Promise<void>(resolve => (cancel = this.#options.clock.after(CLOSE_MS, resolve)))
    // One that fails has said so already.
    await Promise.race([Promise.allSettled(this.#ends.map(end => end())), limit])
    cancel()
  }

  #traces(endpoint: string, resource: Resource): TracerProvider {
    const exporter = this.#guarded('traces', endpoint, new OTLPTraceExporter(this.#http(endpoint, 'traces')))
    const processor = new BatchSpanProcessor({ exporter, scheduledDelayMillis: BATCH_MS, maxQueueSize: MAX_QUEUED, maxExportBatchSize: MAX_BATCH, exportTimeoutMillis: EXPORT_MS })
    // Who decides is the sender, by the flag of its trace: nothing else comes here.
    const provider = new TracerProvider({ resource, sampler: new AlwaysOnSampler(), spanProcessors: [processor] })
    this.#ends.push(() => provider.shutdown())
    return provider
  }

  #logs(endpoint: string, resource: Resource): LoggerProvider {
    const exporter = this.#guarded('logs', endpoint, new OTLPLogExporter(this.#http(endpoint, 'logs')))
    const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter, scheduledDelayMillis: BATCH_MS, maxQueueSize: MAX_QUEUED, maxExportBatchSize: MAX_BATCH, exportTimeoutMillis: EXPORT_MS })] })
    this.#ends.push(() => provider.shutdown())
    return provider
  }

  #metrics(endpoint: string | undefined, resource: Resource, scrape: ScrapeReader | undefined): MeterProvider | undefined {
    const readers: IMetricReader[] = scrape === undefined ? [] : [scrape]
    const { metrics, exportIntervalMs } = this.#options.settings
    if (endpoint !== undefined && metrics) {
      const exporter = this.#guarded('metrics', endpoint, new OTLPMetricExporter(this.#http(endpoint, 'metrics')))
      readers.push(new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: exportIntervalMs, exportTimeoutMillis: Math.min(EXPORT_MS, exportIntervalMs), metricProducers: [this.#latency] }))
    }
    if (readers.length === 0) return undefined
    const provider = new MeterProvider({ resource, readers })
    this.#ends.push(() => provider.shutdown())
    return provider
  }

  #guarded<T, E extends Exporter<T>>(signal: SignalName, endpoint: string, exporter: E & Exporter<T>): E {
    const health = new ExportHealth(signal, endpoint, this.#options.log)
    this.#health.push(health)
    return guarded(exporter, health)
  }

  #http(endpoint: string, signal: SignalName): { url: string; headers: Record<string, string>; timeoutMillis: number; httpAgentOptions: AgentOptions } {
    return { url: `${endpoint.replace(/\/+$/, '')}/v1/${signal}`, headers: { ...this.#options.headers }, timeoutMillis: EXPORT_MS, httpAgentOptions: { keepAlive: true, lookup: this.#options.lookup } }
  }
}
