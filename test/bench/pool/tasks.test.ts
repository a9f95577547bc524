import test from 'ava'
import { measureWork } from '../../../bench/pool/measure.ts'
import { workKinds } from '../../../bench/pool/tasks.ts'
import { CpuPool } from '../../../broker/pool/cpu-pool.ts'
import { recordedLog } from '../../support/recorded-log.ts'

test('pool bench: every kind of work is done both ways, the pooled one by a thread', async t => {
  const pool = new CpuPool({ threads: 1, log: recordedLog(), onWait() {} })
  pool.open(error => t.fail(String(error)))
  t.teardown(() => pool.close())
  for (const kind of workKinds) {
    const before = pool.doneTasks
    const { here, pooled } = await measureWork(kind.work(4096), pool, 1, 1)
    t.true(pool.doneTasks >= before + 2, kind.name)
    for (const cost of [here, pooled]) t.true(cost.mainMicros >= 0 && cost.delayMicros > 0, kind.name)
  }
  t.is(pool.inlineTasks, 0)
})
