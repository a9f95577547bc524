// Spans of this process, kept for tests that look at them. Registers OpenTelemetry for the whole process, so at most once per test file.

import { context, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace'
import { AsyncContext } from '../../client/async-context.ts'
import { until } from './until.ts'

export interface RecordedSpans {
  /** Resolves with the one span of that name and trace, now or later. */
  one(name: string, traceId?: string): Promise<ReadableSpan>
  /** Those that have ended. */
  all(): ReadableSpan[]
}

export function recordSpans(): RecordedSpans {
  const exporter = new InMemorySpanExporter()
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
  context.setGlobalContextManager(new AsyncContext())
  const all = (): ReadableSpan[] => exporter.getFinishedSpans()
  return {
    all,
    async one(name, traceId) {
      const find = (): ReadableSpan[] => all().filter(span => span.name === name && (traceId === undefined || span.spanContext().traceId === traceId))
      await until(() => find().length > 0)
      const found = find()
      if (found.length > 1) throw new Error(`${found.length} spans are named ${name}`)
      return found[0]!
    },
  }
}

/** The id of a span's parent, undefined for the first of a trace. */
export function parentOf(span: ReadableSpan): string | undefined {
  return span.parentSpanContext?.spanId
}
