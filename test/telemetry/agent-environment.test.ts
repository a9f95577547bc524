import test from 'ava'
import { defaultSettings } from '../../broker/ground/settings.ts'
import { agentEnvironment } from '../../telemetry/agent-environment.ts'

const { telemetry } = defaultSettings

test('agent environment: empty without an endpoint', t => t.deepEqual(agentEnvironment(telemetry), {}))

test('agent environment: says where to send what, and no header', t => {
  const environment = agentEnvironment({ ...telemetry, endpoint: 'http://127.0.0.1:4318', metrics: false, headers: { authorization: 'Bearer secret' } })
  t.like(environment, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_TRACES_EXPORTER: 'otlp', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'otlp' })
  t.notRegex(JSON.stringify(environment), /secret/)
})
