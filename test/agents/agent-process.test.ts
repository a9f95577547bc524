import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { MAX_LINE_BYTES } from '../../agents/output-log.ts'
import { groupMembers } from '../../agents/process-group.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { processStamp } from '../../broker/ground/process-stamp.ts'
import { pythonTest } from '../support/python.ts'
import { startAgent } from '../support/agent-process.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const forever = 'setInterval(() => {}, 1e6)'

test('agent process: exit code and signal are told, with the time it ran', async t => {
  const { agent } = await startAgent(t, { args: ['-e', 'process.exitCode = 7'] })
  const exit = await agent.exited
  t.like(exit, { code: 7, signal: null })
  t.true(Number.isInteger(exit.ranMs) && exit.ranMs > 0)
  const crashed = await startAgent(t, { args: ['-e', 'process.kill(process.pid, "SIGSEGV")'] })
  t.like(await crashed.agent.exited, { code: null, signal: 'SIGSEGV' })
})

test('agent process: it gets exactly the environment and the directory it was launched with', async t => {
  const directory = temporaryDirectory(t)
  const { agent, log } = await startAgent(t, { args: ['-p', 'JSON.stringify({ msg: "started", env: process.env, cwd: process.cwd() })'], directory, environment: { CITY: 'Oslo' } })
  await agent.exited
  const { fields } = await log.logged(/^started$/)
  t.deepEqual(fields, { stream: 'stdout', cwd: directory, env: { PATH: process.env['PATH'], CITY: 'Oslo', CALLBOARD_TOKEN: '[token]' } })
})

test('agent process: no shell reads the arguments', async t => {
  const { agent, log } = await startAgent(t, { args: ['-p', 'process.argv.at(-1)', '$HOME; echo "x" > y'] })
  await agent.exited
  t.deepEqual(log.records.map(record => record.text), ['$HOME; echo "x" > y'])
})

test('agent process: all its output is in the log when its exit is told', async t => {
  const program = 'process.stdout.write("out ".repeat(1000) + "\\n"); process.stderr.write("err\\nlast")'
  const { agent, log } = await startAgent(t, { args: ['-e', program] })
  await agent.exited
  t.is(log.records.find(record => record.fields['stream'] === 'stdout')!.text.length, 4000)
  t.deepEqual(log.records.filter(record => record.fields['stream'] === 'stderr').map(record => [record.level, record.text]), [['warn', 'err'], ['warn', 'last']])
})

test('agent process: stop asks with SIGTERM, and an orderly end is what is told', async t => {
  const { agent, log } = await startAgent(t, { args: ['-e', `process.on("SIGTERM", () => { console.log("ending"); process.exit(0) }); console.log("ready"); ${forever}`] })
  await log.logged(/ready/)
  agent.stop()
  agent.stop()
  t.like(await agent.exited, { code: 0, signal: null })
  t.deepEqual(log.records.map(record => record.text), ['ready', 'ending'])
})

test('agent process: one that does not listen to SIGTERM is killed after its time', async t => {
  const clock = new FakeClock()
  const { agent, log } = await startAgent(t, { args: ['-e', `process.on("SIGTERM", () => console.log("no")); console.log("ready"); ${forever}`], shutdownMs: 200, clock })
  await log.logged(/^ready$/)
  agent.stop()
  await log.logged(/^no$/)
  await clock.advance(190)
  t.truthy(processStamp(agent.pid))
  await clock.advance(20)
  const exit = await agent.exited
  t.like(exit, { code: null, signal: 'SIGKILL' })
  t.true(exit.ranMs >= 200)
})

test('agent process: kill does not wait', async t => {
  const { agent, log } = await startAgent(t, { args: ['-e', `process.on("SIGTERM", () => console.log("no")); console.log("ready"); ${forever}`], shutdownMs: 3_600_000 })
  await log.logged(/ready/)
  agent.stop()
  await log.logged(/no/)
  agent.kill()
  agent.kill()
  t.like(await agent.exited, { code: null, signal: 'SIGKILL' })
})

/** A shell that starts two children, says their pids, and goes on as told. */
function family(child: string, then: string): string[] {
  return ['-c', `${child} & ${child} & echo "$!"; ${then}`]
}

async function youngest(log: { logged(pattern: RegExp): Promise<{ text: string }> }): Promise<number> {
  return Number((await log.logged(/^\d+$/)).text)
}

test('agent process: what it started ends with it when it is stopped', async t => {
  const { agent, log } = await startAgent(t, { command: 'sh', args: family('sleep 1000', 'wait') })
  const child = await youngest(log)
  t.truthy(processStamp(child))
  agent.stop()
  t.like(await agent.exited, { signal: 'SIGTERM' })
  t.is(processStamp(child), undefined)
  t.deepEqual(groupMembers(agent.pid), [])
})

test('agent process: what it started ends when it ends by itself, also if nobody reads its output', async t => {
  const { agent, log } = await startAgent(t, { command: 'sh', args: family('sleep 1000 > /dev/null 2>&1', 'exit 3') })
  const child = await youngest(log)
  t.like(await agent.exited, { code: 3 })
  t.is(processStamp(child), undefined)
})

test('agent process: a child that does not listen is killed after the agent\'s time', async t => {
  const stubborn = `${process.execPath} -e 'process.on("SIGTERM", () => {}); console.log("child"); ${forever}'`
  const clock = new FakeClock()
  const { agent, log } = await startAgent(t, { command: 'sh', args: ['-c', `${stubborn} & wait`], shutdownMs: 200, clock })
  await log.logged(/^child$/)
  agent.stop()
  await until(() => processStamp(agent.pid) === undefined)
  await clock.advance(190)
  t.is(groupMembers(agent.pid).length, 1)
  await clock.advance(20)
  await until(() => groupMembers(agent.pid).length === 0)
  await clock.advance(250)
  t.like(await agent.exited, { signal: 'SIGTERM' })
})

if (spawnSync('setsid', ['--version']).status === 0) {
  test('agent process: a child that left the group does not hold up the exit by holding the output', async t => {
    const { agent, log } = await startAgent(t, { command: 'sh', args: ['-c', 'setsid sh -c \'echo "$$"; exec sleep 1000\' & wait'] })
    const runaway = await youngest(log)
    t.teardown(() => process.kill(runaway, 'SIGKILL'))
    agent.stop()
    await agent.exited
    await log.logged(/left the agent's group/)
    t.truthy(processStamp(runaway))
  })
}

test('agent process: a flood neither blocks it nor fills the log', async t => {
  // 40 MB, far more than a pipe holds: it ends only if somebody reads.
  const flood = 'const line = "x".repeat(99) + "\\n"; for (let i = 0; i < 400; i++) require("node:fs").writeSync(1, line.repeat(1000))'
  const { agent, log } = await startAgent(t, { args: ['-e', flood] })
  t.like(await agent.exited, { code: 0 })
  const suppressed = log.records.reduce((sum, record) => sum + Number(record.fields['suppressedLines'] ?? 0), 0)
  const lines = log.records.filter(record => record.text.startsWith('xxx')).length
  t.is(lines + suppressed, 400_000)
  t.true(lines < 10_000)
})

test('agent process: a line without end is cut', async t => {
  const { agent, log } = await startAgent(t, { args: ['-e', 'for (let i = 0; i < 100; i++) require("node:fs").writeSync(1, "y".repeat(100000))'] })
  await agent.exited
  t.is(log.records.length, 1)
  t.deepEqual(log.records[0]!.fields, { stream: 'stdout', cutBytes: 10_000_000 - MAX_LINE_BYTES })
})

pythonTest('agent process: its stdin is open and nothing comes', async t => {
  // An end that was reached would be there to read as well.
  const { agent, log } = await startAgent(t, { command: 'python3', args: ['-c', 'import select; print("to read:", len(select.select([0], [], [], 0)[0]))'] })
  await agent.exited
  t.deepEqual(log.records.map(record => record.text), ['to read: 0'])
})

async function failure(t: ExecutionContext, options: Parameters<typeof startAgent>[1]): Promise<string> {
  const error = await t.throwsAsync(startAgent(t, options), { instanceOf: BrokerError })
  t.is(error.code, 'agent.failed')
  t.is(error.details['agent'], 'tested')
  return error.message
}

test('agent process: a start that fails says why', async t => {
  const directory = temporaryDirectory(t)
  const plain = join(directory, 'plain')
  writeFileSync(plain, 'text')
  const script = join(directory, 'script')
  writeFileSync(script, '#!/no/such/interpreter\n')
  chmodSync(script, 0o755)
  mkdirSync(join(directory, 'folder'))
  t.regex(await failure(t, { command: 'no-such-command' }), /no command "no-such-command" in PATH/)
  t.regex(await failure(t, { command: join(directory, 'ghost') }), /no file .*ghost/)
  t.regex(await failure(t, { command: './ghost', directory }), new RegExp(`no file ${directory}/ghost`))
  t.regex(await failure(t, { command: script }), /interpreter that the first line of .*script names/)
  t.regex(await failure(t, { command: plain }), /no permission to execute ".*plain"/)
  t.regex(await failure(t, { command: join(directory, 'folder') }), /no permission to execute/)
  t.regex(await failure(t, { directory: join(directory, 'gone') }), /working directory .*gone does not exist/)
  // 3 MB: the system takes less as one argument, and Node throws instead of emitting.
  t.regex(await failure(t, { args: ['x'.repeat(3e6)] }), /E2BIG/)
})
