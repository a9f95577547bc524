// Sends the spans of this process to a collector, for programs that set up no OpenTelemetry of their own. Loads it only when there is a collector.

/** How spans are sent. */
export interface TracingOptions {
  /** Base address of an OTLP/HTTP receiver. default: OTEL_EXPORTER_OTLP_ENDPOINT, which agents have from a broker that sends telemetry */
  readonly endpoint?: string
  /** Name of this program in its spans. default: OTEL_SERVICE_NAME, else CALLBOARD_AGENT, else `callboard-client` */
  readonly serviceName?: string
  /** Headers for the receiver. default: OTEL_EXPORTER_OTLP_HEADERS */
  readonly headers?: Readonly<Record<string, string>>
  /** Share of the traces that begin here which are recorded. 0..1, default 1 */
  readonly ratio?: number
}

/** The tracing of this process. */
export interface Tracing {
  /** Spans are recorded: worth `connect({ tracing: true })`. */
  readonly isOn: boolean
  /** Sends what waits and ends, within 3 s; call it before the process ends. Never rejects. */
  stop(): Promise<void>
}

const OFF: Tracing = { isOn: false, stop: () => Promise.resolve() }

/**
 * Starts recording; call it before `connect({ tracing: tracing.isOn })`. Nothing happens, and nothing is loaded, without an endpoint, with
 * OTEL_SDK_DISABLED=true or with OTEL_TRACES_EXPORTER=none.
 */
export async function startTracing(options: TracingOptions = {}, environment: NodeJS.ProcessEnv = process.env): Promise<Tracing> {
  const endpoint = options.endpoint ?? (environment['OTEL_EXPORTER_OTLP_ENDPOINT'] || undefined)
  const isOff = environment['OTEL_SDK_DISABLED'] === 'true' || environment['OTEL_TRACES_EXPORTER'] === 'none'
  if (endpoint === undefined || isOff) return OFF
  const serviceName = options.serviceName ?? (environment['OTEL_SERVICE_NAME'] || environment['CALLBOARD_AGENT'] || 'callboard-client')
  const { recordSpans } = await import('./span-recording.ts')
  const stop = recordSpans({ ...options, endpoint, serviceName })
  return stop === undefined ? OFF : { isOn: true, stop }
}
