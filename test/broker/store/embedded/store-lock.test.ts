import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { BrokerError } from '../../../../broker/ground/errors.ts'
import { takeStore } from '../../../../broker/store/embedded/store-lock.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

test('store lock: one at a time, and free again when it was released', t => {
  const directory = join(temporaryDirectory(t), 'store')
  const lock = takeStore(directory)
  const error = BrokerError.from(t.throws(() => takeStore(directory)))
  t.is(error.code, 'store.in_use')
  t.true(error.message.includes(`process ${process.pid} has it open`))
  t.throws(() => takeStore(directory), { message: /has it open/ }, 'having asked does not open it')
  lock.release()
  takeStore(directory).release()
})

test('store lock: one that was killed holds it no more', async t => {
  const directory = temporaryDirectory(t)
  const module = new URL('../../../../broker/store/embedded/store-lock.ts', import.meta.url).href
  const child = spawn(process.execPath, ['--input-type=module', '--eval', `import { takeStore } from ${JSON.stringify(module)}; takeStore(process.argv[1]); console.log('taken'); setInterval(() => {}, 1e6)`, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  t.throws(() => takeStore(directory), { message: new RegExp(`process ${child.pid} has it open`) })
  child.kill('SIGKILL')
  await once(child, 'exit')
  takeStore(directory).release()
})

test('store lock: a damaged lock file keeps nobody out', t => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, 'queues.lock'), 'nonsense')
  takeStore(directory).release()
  t.pass()
})
