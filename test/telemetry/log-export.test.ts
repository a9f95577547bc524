import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import test from 'ava'
import { lineExporter } from '../../telemetry/log-export.ts'

test('log export: a line keeps time, level, text and fields, and joins its trace', async t => {
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] })
  const take = lineExporter(provider.getLogger('test'))
  take('{"level":"warn","time":1700000000123,"actor":"conn-3","err":{"code":"x.y"},"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","msg":"lost"}\n')
  take('{"level":"info","time":1700000000124,"trace_id":"not one","span_id":"00f067aa0ba902b7","msg":"plain"}\n')
  await provider.forceFlush()
  const [joined, plain] = exporter.getFinishedLogRecords()
  t.like(joined, { severityText: 'WARN', severityNumber: 13, body: 'lost', hrTime: [1_700_000_000, 123_000_000] })
  t.deepEqual(joined!.attributes, { actor: 'conn-3', err: { code: 'x.y' } })
  t.like(joined!.spanContext, { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' })
  t.is(plain!.spanContext, undefined)
})
