import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import test from 'ava'
import { processStamp } from '../../../broker/ground/process-stamp.ts'
import { until } from '../../support/until.ts'

test('process stamp: the same for one process, different for two', t => {
  t.is(processStamp(process.pid), processStamp(process.pid))
  t.truthy(processStamp(process.pid))
  // A parent may have started in the same tick; the first process of the machine has not.
  t.not(processStamp(process.pid), processStamp(1))
})

test('process stamp: none for what does not run', async t => {
  for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 30]) t.is(processStamp(pid), undefined)
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  t.is(processStamp(child.pid!), undefined)
})

test('process stamp: none for a process that ended and was not collected', async t => {
  // The shell starts a child and is then replaced by a program that knows nothing of it; only then the child may end.
  const shell = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] })
  t.teardown(() => shell.kill('SIGKILL'))
  const [line] = (await once(shell.stdout!, 'data')) as [Buffer]
  const child = Number(line.toString())
  await until(() => readFileSync(`/proc/${shell.pid}/comm`, 'utf8') === 'sleep\n')
  t.truthy(processStamp(child))
  shell.stdio[3]!.destroy()
  await until(() => processStamp(child) === undefined)
  t.notThrows(() => process.kill(child, 0))
})
