// The block `telemetry`: where traces, metrics and logs are sent, and who may read metrics.

import { defaultSettings } from '../broker/ground/settings.ts'
import { formatDuration } from './duration.ts'
import { block, defaulted, optional } from './keys.ts'
import { choice, duration, flag, headerName, headerValue, mapOf, nonEmptyText, path, webAddress } from './kinds.ts'

const { telemetry } = defaultSettings
const DAY_MS = 86_400_000

export const telemetryBlock = block({
  endpoint: optional(webAddress, 'nothing is sent', 'Where to send to by OTLP over HTTP (JSON); `/v1/traces` and its kin are added to it.'),
  headers: defaulted(mapOf(headerName, headerValue), {}, 'Headers of every export. A credential is better kept in `headersFile`.'),
  headersFile: optional(path, 'none', 'File with more headers, one `name: value` on each line.'),
  traces: defaulted(flag, telemetry.traces, 'Send spans of messages whose sender traces them.'),
  metrics: defaulted(flag, telemetry.metrics, 'Send metrics.'),
  logs: defaulted(flag, telemetry.logs, 'Send the lines of the log.'),
  prometheus: defaulted(flag, telemetry.prometheus, 'Answer `/metrics` on the port of the gateway.'),
  prometheusAccess: defaulted(choice(['loopback', 'token']), telemetry.prometheusAccess, 'Who may read `/metrics`: `loopback` lets programs of this host in without a token, `token` nobody. The owner\'s token is sent as `Bearer`, that of another principal with its name as `Basic`.'),
  exportInterval: defaulted(duration(1000, DAY_MS), formatDuration(telemetry.exportIntervalMs), 'How often metrics are sent.'),
  serviceName: defaulted(nonEmptyText, telemetry.serviceName, 'Name under which the broker appears (`service.name`).'),
})
