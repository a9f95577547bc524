// Lines of the log as OpenTelemetry's log records. They come as written, secrets taken out already.

import { ROOT_CONTEXT, SeverityNumber, TraceFlags, isValidSpanId, isValidTraceId, trace, type AnyValue, type Context, type Logger } from '@opentelemetry/api'

const SEVERITIES: Readonly<Record<string, SeverityNumber>> = { debug: SeverityNumber.DEBUG, info: SeverityNumber.INFO, warn: SeverityNumber.WARN, error: SeverityNumber.ERROR }

/** A function that takes lines `{level, time, msg, …}`; members `trace_id` and `span_id` join a line with its trace. */
export function lineExporter(logger: Logger): (line: string) => void {
  return line => {
    const { level, time, msg, trace_id: traceId, span_id: spanId, ...fields } = JSON.parse(line) as Record<string, AnyValue>
    const severityText = String(level)
    logger.emit({
      timestamp: Number(time),
      severityText: severityText.toUpperCase(),
      severityNumber: SEVERITIES[severityText] ?? SeverityNumber.UNSPECIFIED,
      body: msg,
      attributes: fields,
      context: contextOf(traceId, spanId),
    })
  }
}

function contextOf(traceId: AnyValue, spanId: AnyValue): Context {
  if (typeof traceId !== 'string' || typeof spanId !== 'string' || !isValidTraceId(traceId) || !isValidSpanId(spanId)) return ROOT_CONTEXT
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED })
}
