import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { SharedClock } from '../../../bench/measure/shared-clock.ts'

const source = pathToFileURL(join(import.meta.dirname, '../../../bench/measure/shared-clock.ts')).href

test('clock: another process with the same epoch reads a moment between two readings of this one', t => {
  const clock = new SharedClock()
  const before = clock.now()
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', `import { SharedClock } from '${source}'; console.log(new SharedClock(${JSON.stringify(clock.epoch)}).now())`], { encoding: 'utf8' })
  const there = Number(child.stdout)
  t.true(Number.isInteger(there), child.stderr)
  t.true(before < there && there < clock.now())
})
