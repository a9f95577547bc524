import { context, trace } from '@opentelemetry/api'
import test from 'ava'
import { startTracing } from '../../client/index.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'

for (const [why, environment] of [
  ['without an endpoint', {}],
  ['with an empty one', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
  ['with OTEL_SDK_DISABLED', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' }],
  ['with no exporter of traces', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_TRACES_EXPORTER: 'none' }],
] as const) {
  test.serial(`start tracing: off ${why}`, async t => {
    const tracing = await startTracing({}, environment)
    t.false(tracing.isOn)
    await t.notThrowsAsync(tracing.stop())
    t.false(trace.getTracer('t').startSpan('s').isRecording())
  })
}

test.serial('start tracing: spans go to the endpoint under the program\'s name, with its headers, across awaits; once in a process', async t => {
  const receiver = await OtlpReceiver.start(t)
  const tracing = await startTracing({ headers: { 'x-tenant': 'seven' } }, { OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.endpoint}/`, CALLBOARD_AGENT: 'lamp' })
  t.true(tracing.isOn)
  t.false((await startTracing({ endpoint: receiver.endpoint })).isOn, 'what is registered stays')
  const tracer = trace.getTracer('t')
  const outer = tracer.startSpan('outer')
  await context.with(trace.setSpan(context.active(), outer), async () => {
    await Promise.resolve()
    context.bind(context.active(), () => tracer.startSpan('inner').end())()
  })
  outer.end()
  await tracing.stop()
  const [inner] = await receiver.spansNamed('inner')
  t.like(inner, { service: 'lamp', parentSpanId: outer.spanContext().spanId })
  t.is(receiver.requests[0]!.path, '/v1/traces')
  t.is(receiver.requests[0]!.headers['x-tenant'], 'seven')
})
