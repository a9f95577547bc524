import test from 'ava'
import { formatMetric, formatRate } from '../../cli/metric-format.ts'

test('metric format: the unit is the one that the name ends in', t => {
  t.is(formatMetric('process_resident_bytes', 1536), '1.5 KiB')
  t.is(formatMetric('process_cpu_seconds_total', 4.2), '4.2 s')
  t.is(formatMetric('event_loop_lag_ms', 12), '12 ms')
  t.is(formatMetric('hit_ratio', 0.1234), '12.3 %')
  t.is(formatMetric('messages_accepted_total', 1_234_567), '1,234,567')
  t.is(formatMetric('utilization', 0.12345), '0.123')
})

test('metric format: a rate has the digits that mean something', t => {
  t.deepEqual([0, 0.0234, 3.44, 34.4, 12_345.6].map(formatRate), ['0/s', '0.023/s', '3.4/s', '34/s', '12,346/s'])
})
