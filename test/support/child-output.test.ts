import { spawn, type ChildProcess } from 'node:child_process'
import test, { type ExecutionContext } from 'ava'
import { ChildOutput } from './child-output.ts'

function shell(t: ExecutionContext, script: string, program = 'sh'): { child: ChildProcess; output: ChildOutput } {
  const child = spawn(program, ['-c', script])
  t.teardown(() => child.kill('SIGKILL'))
  return { child, output: new ChildOutput(child) }
}

test('child output: lines come one by one, and after the last what it complained of and how it ended', async t => {
  const { output } = shell(t, 'echo one; echo two; echo "no more paper" >&2; exit 3')
  t.is(await output.next(), 'one')
  t.is(await output.next(), 'two')
  await t.throwsAsync(output.next(), { message: /^sh .* printed no more: ended with 3, stderr: no more paper\n$/ })
  t.deepEqual(await output.ended, [3, null])
})

test('child output: a signal is told by its name', async t => {
  const { child, output } = shell(t, 'echo ready; exec cat')
  await output.next()
  child.kill('SIGTERM')
  await t.throwsAsync(output.next('did not go on'), { message: /did not go on: ended with SIGTERM, stderr: nothing$/ })
})

test('child output: so is a program that is not there', async t => {
  const { output } = shell(t, '', '/nowhere/callboard')
  await t.throwsAsync(output.next(), { message: /ended with no process, stderr: .*ENOENT/ })
})
