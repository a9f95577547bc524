import test from 'ava'
import { residentBytes } from '../../../broker/ground/process-memory.ts'

test('process memory: what the system says of a process, and nothing of one that is gone', t => {
  const own = residentBytes(process.pid)
  if (process.platform === 'linux') t.true(own! > 10 * 1024 * 1024 && own! < 8 * 1024 ** 3)
  else t.is(own, undefined)
  t.is(residentBytes(2 ** 22 + 1), undefined)
})
