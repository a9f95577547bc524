import test from 'ava'
import { CpuMeter } from '../../../broker/monitoring/cpu-meter.ts'

test('cpu meter: percent of a processor between two looks', t => {
  const meter = new CpuMeter(1000, 500_000)
  t.is(meter.percent(3000, 1_500_000), 50)
  t.is(meter.percent(3200, 1_700_000), 50, 'looks too close together answer as before')
  t.is(meter.percent(5000, 4_500_000), 150)
})
