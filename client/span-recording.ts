// OpenTelemetry's SDK for one process: an exporter, a provider and a context manager, registered for the whole of it.

import { hostname } from 'node:os'
import { context, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import { systemClock } from '../broker/ground/clock.ts'
import { AsyncContext } from './async-context.ts'

/** How long spans wait to be sent together: short, as agents may be ended at any time. ms */
const BATCH_MS = 500
const EXPORT_MS = 3000

export interface RecordingOptions {
  /** Base address of an OTLP/HTTP receiver. */
  readonly endpoint: string
  readonly serviceName: string
  readonly headers?: Readonly<Record<string, string>>
  /** Share of the traces that begin here which are recorded. 0..1, default 1 */
  readonly ratio?: number
}

/** Registers everything, and gives what ends it; undefined, and nothing done, where the application has registered something itself. */
export function recordSpans({ endpoint, serviceName, headers, ratio = 1 }: RecordingOptions): (() => Promise<void>) | undefined {
  const resource = defaultResource().merge(resourceFromAttributes({ 'service.name': serviceName, 'host.name': hostname(), 'process.pid': process.pid }))
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces`, timeoutMillis: EXPORT_MS, ...(headers === undefined ? {} : { headers: { ...headers } }) })
  const provider = new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: BATCH_MS, exportTimeoutMillis: EXPORT_MS })],
  })
  if (!trace.setGlobalTracerProvider(provider)) return undefined
  context.setGlobalContextManager(new AsyncContext())
  return async () => {
    let cancel = (): void => {}
    const limit = new Promise<void>(resolve => (cancel = systemClock.after(EXPORT_MS, resolve)))
    // A collector that is gone must not keep a program from ending.
    await Promise.race([provider.shutdown().catch(() => {}), limit])
    cancel()
  }
}
