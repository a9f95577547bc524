import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Actor } from '../../actors/actor.ts'
import type { AgentEnding } from '../../agents/crashes/crash-report.ts'
import type { AgentWatcher } from '../../agents/local-agent.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { processStamp } from '../../broker/ground/process-stamp.ts'
import type { AgentSettings } from '../../broker/ground/settings.ts'
import type { ExitReason } from '../../broker/ground/types.ts'
import { agentMachine } from '../../machines/agent.ts'
import { agentStage } from '../support/local-agent.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

/** A local agent, and actors that run it, one after another. */
function localAgent(t: ExecutionContext, settings: Partial<AgentSettings>, ready?: () => Promise<void> | undefined, watcher?: AgentWatcher) {
  const stage = agentStage(t)
  const agent = stage.localAgent(settings, { ready, ...(watcher && { watcher }) })
  const actor = () => {
    const made = new Actor({ id: 'agent.tested', kind: 'agent', machine: agentMachine, behaviour: agent, environment: stage.environment, releaseMs: agent.releaseMs, killMs: agent.killMs })
    const exited = Promise.withResolvers<ExitReason>()
    made.onExit = exited.resolve
    t.teardown(async () => {
      made.kill()
      await exited.promise
    })
    return { actor: made, exited: exited.promise }
  }
  return { ...stage, agent, actor }
}

const WAIT = 'echo "token $CALLBOARD_TOKEN of $CALLBOARD_AGENT"; exec sleep 1000'

test('local agent: runs a process with a credential that ends with it', async t => {
  const { agent, actor, log, valid, registered } = localAgent(t, { args: ['-c', WAIT] })
  const run = actor()
  t.is(agent.pid, undefined)
  t.is(await run.actor.start(), 'ok')
  await log.logged(/token tested-1 of tested|token \[token\] of tested/)
  const pid = agent.pid!
  t.deepEqual([...valid], ['tested-1'])
  t.like(registered(), { 0: { name: 'tested', pid } })
  t.is(run.actor.info().detail, `sh, pid ${pid}`)
  run.actor.stop()
  t.deepEqual(await run.exited, { kind: 'shutdown' })
  t.is(processStamp(pid), undefined)
  t.deepEqual([...valid], [])
  t.deepEqual(registered(), [])
  t.is(agent.pid, undefined)
  t.like(agent.lastExit, { code: null, signal: 'SIGTERM' })
  t.deepEqual(log.records.filter(record => record.text === 'started' || record.text === 'exited').map(record => record.fields['pid']), [pid, pid])
})

test('local agent: exit code 0 is the end of its work, anything else a crash with the reason', async t => {
  const done = localAgent(t, { args: ['-c', 'exit 0'] }).actor()
  await done.actor.start()
  t.deepEqual(await done.exited, { kind: 'normal' })
  for (const [program, problem] of [['exit 3', /"tested" exited with code 3/], ['kill -KILL $$', /"tested" was ended by SIGKILL/]] as const) {
    const crashed = localAgent(t, { args: ['-c', program] })
    const run = crashed.actor()
    await run.actor.start()
    const reason = await run.exited
    t.true(reason.kind === 'crash' && reason.error instanceof BrokerError && reason.error.code === 'agent.failed' && problem.test(reason.error.message))
    t.deepEqual(crashed.registered(), [])
    t.is(crashed.valid.size, 0)
  }
})

test('local agent: the next incarnation has another credential, and knows how the last one ended', async t => {
  const { agent, actor, log, valid } = localAgent(t, { args: ['-c', 'test "$CALLBOARD_TOKEN" = tested-2 && echo second && exec sleep 1000; exit 4'] })
  const first = actor()
  await first.actor.start()
  await first.exited
  t.like(agent.lastExit, { code: 4 })
  t.is(await actor().actor.start(), 'ok')
  await log.logged(/second/)
  t.deepEqual([...valid], ['tested-2'])
  t.like(agent.lastExit, { code: 4 })
})

test('local agent: a planned restart replaces the process within the same actor', async t => {
  const { agent, actor, log, valid } = localAgent(t, { args: ['-c', 'echo "up $$"; exec sleep 1000'] })
  const run = actor()
  await run.actor.start()
  const before = agent.pid!
  await log.logged(new RegExp(`^up ${before}$`))
  t.true(run.actor.signal({ type: 'MAINTAIN' }))
  const { text } = await log.logged(new RegExp(`^up (?!${before}$)`))
  t.is(text, `up ${agent.pid}`)
  t.is(processStamp(before), undefined)
  t.deepEqual([...valid], ['tested-2'])
  t.like(run.actor.info(), { phase: 'run', incarnation: 1 })
})

test('local agent: a command that does not exist is a crash with the reason, and leaves nothing', async t => {
  const { actor, valid, agent } = localAgent(t, { command: 'no-such-command' })
  const run = actor()
  t.is(await run.actor.start(), 'ok')
  const reason = await run.exited
  t.true(reason.kind === 'crash' && /agent "tested" cannot start: there is no command "no-such-command"/.test(reason.error.message))
  t.is(valid.size, 0)
  t.is(agent.pid, undefined)
})

test('local agent: killed, it does not wait for the agent\'s time', async t => {
  const { actor, log, agent } = localAgent(t, { args: ['-c', 'trap "echo no" TERM; echo up; while :; do sleep 1; done'], shutdownMs: 3_600_000 })
  const run = actor()
  await run.actor.start()
  await log.logged(/up/)
  const pid = agent.pid!
  run.actor.stop()
  await log.logged(/no/)
  run.actor.kill()
  t.deepEqual(await run.exited, { kind: 'killed' })
  t.is(processStamp(pid), undefined)
})

test('local agent: owns its process and what that started, nothing else', async t => {
  const { agent, actor, log } = localAgent(t, { args: ['-c', 'sleep 1000 & echo "$!"; wait'] })
  const run = actor()
  t.false(agent.owns(process.pid))
  await run.actor.start()
  const child = Number((await log.logged(/^\d+$/)).text)
  const pid = agent.pid!
  t.true(agent.owns(pid))
  t.true(agent.owns(child))
  t.false(agent.owns(process.pid))
  run.actor.stop()
  await run.exited
  t.false(agent.owns(pid))
})

test('local agent: a secret is read anew at each start, never printed, and its copy ends with the process', async t => {
  const { home, agent, actor, log } = localAgent(t, { args: ['-c', 'cat "$KEY_FILE"; echo; echo "up $KEY_FILE"; exec sleep 1000'], secrets: { KEY: join(temporaryDirectory(t), 'key') } })
  const { KEY: key } = agent.settings.secrets!
  const copies = (): string[] => log.records.flatMap(({ text }) => /^up (.*)/.exec(text)?.[1] ?? [])
  writeFileSync(key!, 'the first secret', { mode: 0o600 })
  const run = actor()
  await run.actor.start()
  await until(() => copies().length === 1)
  t.true(copies()[0]!.startsWith(home))
  writeFileSync(key!, 'the second one')
  t.true(run.actor.signal({ type: 'MAINTAIN' }))
  await until(() => copies().length === 2)
  t.is(readFileSync(copies()[1]!, 'utf8'), 'the second one')
  t.false(existsSync(copies()[0]!))
  run.actor.stop()
  await run.exited
  t.false(existsSync(copies()[1]!))
  t.deepEqual(log.records.filter(({ text }) => text === '[KEY]').length, 2)
  t.notRegex(JSON.stringify(log.records), /the first secret|the second one/)
})

test('local agent: where the list of processes cannot be written it runs and is restarted as ever, and the log says so once', async t => {
  const { home, agent, actor, log, registered } = localAgent(t, { args: ['-c', WAIT] })
  // In the way of the draft, also for root.
  mkdirSync(join(home, 'agents.json.new'))
  const run = actor()
  t.is(await run.actor.start(), 'ok')
  const before = agent.pid!
  t.not(processStamp(before), undefined)
  t.true(run.actor.signal({ type: 'MAINTAIN' }))
  await until(() => agent.pid !== undefined && agent.pid !== before)
  t.is(log.records.filter(({ text }) => /list of agent processes cannot be written/.test(text)).length, 1)
  t.deepEqual(registered(), [])
  rmdirSync(join(home, 'agents.json.new'))
  run.actor.stop()
  t.deepEqual(await run.exited, { kind: 'shutdown' })
  t.is(agent.pid, undefined)
})

test('local agent: how it ended is told with what it was started with, not with what its next process gets', async t => {
  const endings: AgentEnding[] = []
  const root = temporaryDirectory(t)
  for (const version of ['1', '2']) mkdirSync(join(root, version))
  const { agent, actor } = localAgent(t, { args: ['-c', 'exec sleep 1000', '{version}'], cwd: join(root, '{version}'), version: '1' }, undefined, { began: () => {}, ended: ending => void endings.push(ending) })
  const run = actor()
  await run.actor.start()
  agent.use({ ...agent.settings, version: '2' })
  process.kill(agent.pid!, 'SIGKILL')
  await run.exited
  t.is(endings[0]?.directory, join(root, '1'))
  t.deepEqual(endings[0]?.settings.args, ['-c', 'exec sleep 1000', '1'])
  const next = actor()
  await next.actor.start()
  process.kill(agent.pid!, 'SIGKILL')
  await next.exited
  t.is(endings[1]?.directory, join(root, '2'))
})

test('local agent: without its secret it does not start, and says which', async t => {
  const { agent, actor } = localAgent(t, { args: ['-c', WAIT], secrets: { KEY: '/nowhere/key' } })
  const run = actor()
  await run.actor.start()
  const reason = await run.exited
  t.true(reason.kind === 'crash')
  t.is(agent.startError?.code, 'agent.secret')
  t.regex(agent.startError!.message, /secret KEY: \/nowhere\/key cannot be read/)
})

test('local agent: it has no process until what it depends on is there, and its supervisor does not wait for that', async t => {
  const there = Promise.withResolvers<void>()
  const { agent, actor, log } = localAgent(t, { args: ['-c', WAIT], dependsOn: ['store'] }, () => there.promise)
  const run = actor()
  t.is(await run.actor.start(), 'ok')
  t.true(agent.isWaiting)
  t.is(agent.pid, undefined)
  t.is(run.actor.info().detail, 'sh, waits for store')
  there.resolve()
  await log.logged(/token/)
  t.false(agent.isWaiting)
  t.is(run.actor.info().detail, `sh, pid ${agent.pid}`)
})

test('local agent: one that is stopped while it waits, or just when it need not wait any more, leaves no process', async t => {
  for (const isThere of [false, true]) {
    const there = Promise.withResolvers<void>()
    const { agent, actor, registered, valid, log } = localAgent(t, { args: ['-c', WAIT], dependsOn: ['store'] }, () => there.promise)
    const run = actor()
    await run.actor.start()
    if (isThere) {
      there.resolve()
      // Its start is under way.
      while (valid.size === 0) await Promise.resolve()
    }
    run.actor.stop()
    t.deepEqual(await run.exited, { kind: 'shutdown' })
    // What was begun has ended before its actor did.
    for (const text of ['started', 'exited']) t.is(log.records.filter(record => record.text === text).length, isThere ? 1 : 0, text)
    t.is(agent.pid, undefined)
    t.deepEqual(registered(), [])
    t.is(valid.size, 0)
    t.false(agent.isWaiting)
  }
})
