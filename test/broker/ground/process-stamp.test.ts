import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'ava'
import { processStamp } from '../../../broker/ground/process-stamp.ts'

test('process stamp: the same for one process, different for two', t => {
  t.is(processStamp(process.pid), processStamp(process.pid))
  t.truthy(processStamp(process.pid))
  t.not(processStamp(process.pid), processStamp(process.ppid))
})

test('process stamp: none for what does not run', async t => {
  for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 30]) t.is(processStamp(pid), undefined)
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  t.is(processStamp(child.pid!), undefined)
})

test('process stamp: none for a process that ended and was not collected', async t => {
  // The shell starts a child, and never collects it: exec replaces the shell by a program that knows nothing of it.
  const shell = spawn('sh', ['-c', 'sh -c "exit 0" & echo $!; exec sleep 60'])
  t.teardown(() => shell.kill('SIGKILL'))
  const [line] = (await once(shell.stdout, 'data')) as [Buffer]
  const zombie = Number(line.toString())
  while (processStamp(zombie) !== undefined) await new Promise(resolve => setImmediate(resolve))
  t.is(processStamp(zombie), undefined)
  t.notThrows(() => process.kill(zombie, 0))
})
