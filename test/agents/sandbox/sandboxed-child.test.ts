import { spawn } from 'node:child_process'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { planOf, type SandboxPlan } from '../../../agents/sandbox/plan.ts'
import { confined } from '../../../agents/sandbox/sandboxed-child.ts'
import { systemClock } from '../../../broker/ground/clock.ts'
import { Deadlines } from '../../../broker/ground/deadlines.ts'
import { noSandbox } from '../../../broker/ground/sandbox.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

function plan(t: ExecutionContext): SandboxPlan {
  const home = temporaryDirectory(t)
  return planOf('lamp', { command: 'true', args: [], directory: '/', environment: { CALLBOARD_SOCKET: join(home, 's') } }, { ...noSandbox, level: 'restricted' }, home, { kind: 'none' })
}

/** What `confined` makes of a launcher that is this program. */
async function outcome(t: ExecutionContext, program: string): Promise<unknown> {
  const deadlines = new Deadlines(systemClock, { onError: error => t.fail(String(error)) })
  const child = spawn('sh', ['-c', program], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  t.teardown(() => {
    child.kill('SIGKILL')
    deadlines.close()
  })
  return confined('lamp', child, plan(t), deadlines).catch((error: unknown) => error)
}

test('sandboxed child: a launcher that breaks, with its plan read or unread, is a failed agent', async t => {
  for (const program of ['exit 1', 'read plan <&3; exit 1', 'read plan <&3; printf half >&3']) t.regex(String(await outcome(t, program)), /agent\.failed: agent "lamp" cannot be confined: the launcher ended without a word/)
})

test('sandboxed child: what is missing is told with the level, and where a program cannot be executed, the system\'s code', async t => {
  t.regex(String(await outcome(t, 'read plan <&3; echo \'{"missing":["files: no Landlock","signals: none"]}\' >&3')), /sandbox\.unavailable: agent "lamp" asks for sandbox level restricted.*files: no Landlock; signals: none.*allowWeaker/)
  t.like(await outcome(t, 'read plan <&3; echo \'{"failed":"ENOENT"}\' >&3'), { code: 'ENOENT' })
})

test('sandboxed child: a report is the answer, while the launcher\'s end of the channel stays open', async t => {
  const report = { asked: 'restricted', achieved: 'restricted', parts: { files: 'Landlock 7' }, missing: [] }
  t.deepEqual(await outcome(t, `read plan <&3; echo '${JSON.stringify({ report })}' >&3; exec sleep 1000`), report)
})
