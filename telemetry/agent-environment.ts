// What an agent finds in its environment when its broker sends telemetry, so that its SDK sends to the same place.

import type { TelemetrySettings } from '../broker/ground/settings.ts'

/**
 * Variables of OpenTelemetry's SDKs in every language. Headers are left out: they may hold the credential of the
 * receiver, which an agent gets only when its own `env` says so.
 */
export function agentEnvironment({ endpoint, traces, metrics, logs }: TelemetrySettings): Record<string, string> {
  if (endpoint === undefined) return {}
  const exporter = (isOn: boolean): string => (isOn ? 'otlp' : 'none')
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_TRACES_EXPORTER: exporter(traces),
    OTEL_METRICS_EXPORTER: exporter(metrics),
    OTEL_LOGS_EXPORTER: exporter(logs),
    OTEL_PROPAGATORS: 'tracecontext,baggage',
  }
}
