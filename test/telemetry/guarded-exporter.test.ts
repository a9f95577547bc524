import test from 'ava'
import { ExportHealth, guarded, type Exporter } from '../../telemetry/guarded-exporter.ts'
import { recordedLog } from '../support/recorded-log.ts'

test('guarded exporter: failures end here, are counted, and said when they begin and end', t => {
  const log = recordedLog()
  const health = new ExportHealth('traces', 'http://127.0.0.1:4318', log)
  let manner: 'take' | 'fail' | 'throw' = 'take'
  const inner: Exporter<readonly string[]> = {
    export(_, done) {
      if (manner === 'throw') throw new Error('it broke')
      done(manner === 'take' ? { code: 0 } : { code: 1, error: new Error('nobody listens') })
    },
    shutdown: () => Promise.resolve(),
  }
  const exporter = guarded(inner, health)
  const codes: number[] = []
  for (manner of ['take', 'fail', 'throw', 'fail', 'take', 'take', 'fail'] as const) exporter.export(['span'], ({ code }) => codes.push(code))
  t.deepEqual(codes, [0, 0, 0, 0, 0, 0, 0])
  t.is(health.failures, 4)
  t.deepEqual(log.records.map(({ level }) => level), ['warn', 'info', 'warn'])
  t.like(log.records[0]!.fields, { signal: 'traces', problem: 'nobody listens' })
  t.like(log.records[1]!.fields, { failures: 3 })
})
