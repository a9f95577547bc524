// Programs that run beside an agent's process, as probes do.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Actor } from '../../actors/actor.ts'
import type { AgentSettings } from '../../broker/ground/settings.ts'
import { noSandbox } from '../../broker/ground/sandbox.ts'
import { agentMachine } from '../../machines/agent.ts'
import { errorCode } from '../support/error-code.ts'
import { agentStage } from '../support/local-agent.ts'
import { sandboxTest } from '../support/sandbox-features.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

async function running(t: ExecutionContext, settings: Partial<AgentSettings>) {
  const stage = agentStage(t)
  const agent = stage.localAgent({ command: 'sleep', args: ['1000'], shutdownMs: 100, ...settings })
  const actor = new Actor({ id: 'agent.tested', kind: 'agent', machine: agentMachine, behaviour: agent, environment: stage.environment, releaseMs: agent.releaseMs, killMs: agent.killMs })
  const ended = Promise.withResolvers<unknown>()
  actor.onExit = ended.resolve
  await actor.start()
  t.teardown(async () => {
    actor.kill()
    await ended.promise
  })
  return { ...stage, agent, run: async (script: string) => (await (await agent.run(['sh', '-c', script], stage.log)).exited).code }
}

test('local agent: a program beside it has its directory and variables, but not its token', async t => {
  const directory = temporaryDirectory(t)
  const { run } = await running(t, { cwd: directory, env: { WORD: 'x' } })
  t.is(await run(`test "$PWD" = "${directory}" && test "$WORD$CALLBOARD_AGENT" = xtested && test -z "$CALLBOARD_TOKEN"`), 0)
  t.is(await run('exit 5'), 5)
  const { localAgent, log } = agentStage(t)
  t.is(await errorCode(localAgent({}).run(['true'], log)), 'agent.failed', 'it does not run')
})

test('local agent: a program beside it is on the list of processes until it has ended, so that a killed broker leaves none', async t => {
  const { agent, log, registered } = await running(t, {})
  const program = await agent.run(['sleep', '1000'], log)
  t.like(registered(), [{ name: 'tested', pid: agent.pid }, { name: 'tested', pid: program.pid }])
  program.kill()
  await program.exited
  await until(() => registered().length === 1)
  t.like(registered(), [{ pid: agent.pid }])
})

sandboxTest('local agent: a program beside one in a sandbox is held as that is', ['Landlock that knows signals (Linux 6.12)'], async t => {
  const outside = join(temporaryDirectory(t), 'secret')
  writeFileSync(outside, 'nobody\'s business')
  const free = await running(t, {})
  t.is(await free.run(`cat ${outside} > /dev/null`), 0)
  const held = await running(t, { sandbox: { ...noSandbox, level: 'restricted', allowWeaker: true } })
  t.is(await held.run('true'), 0)
  t.not(await held.run(`cat ${outside} > /dev/null`), 0)
})
