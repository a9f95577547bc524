import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { findHolder } from '../../../broker/ground/home-lock.ts'
import { homePaths } from '../../../broker/ground/home.ts'
import { patientHome, startCallboard } from '../../support/callboard.ts'
import { runCallboard } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { until } from '../../support/until.ts'

/** A broker in the background is no child of the test: it is ended by its pid. */
function endAfterwards(t: ExecutionContext, home: string): void {
  t.teardown(async () => {
    const holder = await findHolder(homePaths(home))
    if (holder !== undefined) process.kill(holder.pid, 'SIGKILL')
  })
}

test('lifecycle: start makes the home, says where it listens, and a signal ends it in order', async t => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const broker = await startCallboard(t)
    const paths = homePaths(broker.home)
    t.like(broker.started, { home: broker.home, socket: paths.socket, pid: broker.process.pid })
    t.is(statSync(paths.socket).mode & 0o777, 0o600)
    t.is(statSync(paths.token).mode & 0o777, 0o600)
    const exit = once(broker.process, 'exit')
    broker.process.kill(signal)
    t.deepEqual(await exit, [0, null])
    t.false(existsSync(paths.pid))
    t.false(existsSync(paths.socket))
  }
})

test('lifecycle: a second start on the home leaves with 3 and the pid of the first', async t => {
  const broker = await startCallboard(t, { home: patientHome(t) })
  for (const words of [['start'], ['start', '--detach']]) {
    const run = await broker.run(...words)
    t.is(run.exit, 3)
    t.is(run.stderr, `error: the home ${broker.home} is held by process ${broker.started.pid} (broker.held)\nhint: stop it with: callboard stop\n`)
  }
  t.is((await broker.run('status')).exit, 0)
})

test('lifecycle: after kill -9 the next start takes over', async t => {
  const first = await startCallboard(t, { home: patientHome(t) })
  const exit = once(first.process, 'exit')
  first.process.kill('SIGKILL')
  await exit
  const second = await startCallboard(t, { home: first.home })
  t.not(second.started.pid, first.started.pid)
  t.is((await second.run('status')).exit, 0)
})

test('lifecycle: start --detach returns when the broker answers; restart keeps its configuration; stop waits for its end', async t => {
  const home = temporaryDirectory(t)
  endAfterwards(t, home)
  const config = join(home, 'own.json')
  writeFileSync(config, '{ "channels": [{ "name": "mine" }], "ipc": { "timeout": "1m" } }')
  const run = (...words: string[]): ReturnType<typeof runCallboard> => runCallboard(t, words, { home })
  const started = await run('start', '--detach', '--config', config)
  t.is(started.exit, 0, started.stderr)
  const pid = Number(/listens at .*callboard\.sock \(pid (\d+)\)/.exec(started.stdout)?.[1])
  t.regex((await run('ipc', 'channel', 'list')).stdout, /^mine /m)
  const restarted = JSON.parse((await run('restart', '--json')).stdout) as { pid: number }
  t.not(restarted.pid, pid)
  t.regex((await run('ipc', 'channel', 'list')).stdout, /^mine /m)
  const stopped = await run('stop')
  t.deepEqual(stopped, { exit: 0, stdout: `stopped the broker (pid ${restarted.pid})\n`, stderr: '' })
  t.is(await findHolder(homePaths(home)), undefined)
  t.is((await run('status')).exit, 1)
})

test('lifecycle: a broker that cannot start in the background passes its words and exit code on', async t => {
  const home = temporaryDirectory(t)
  endAfterwards(t, home)
  writeFileSync(join(home, 'config.json'), '{ "ipc": { "timeut": 5 } }')
  for (const words of [['start'], ['start', '--detach']]) {
    const run = await runCallboard(t, words, { home })
    t.is(run.exit, 2)
    t.regex(run.stderr, /^error: .*config\.json:1:\d+: .*timeut/)
  }
})

test('lifecycle: a home that is a file is refused with exit code 2', async t => {
  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, '')
  const run = await runCallboard(t, ['start'], { home: file })
  t.is(run.exit, 2)
  t.regex(run.stderr, /home\.unusable/)
})

test('lifecycle: the background broker writes where the log is', async t => {
  const home = temporaryDirectory(t)
  endAfterwards(t, home)
  writeFileSync(join(home, 'config.json'), JSON.stringify({ ipc: { timeout: '1m' }, agents: [{ name: 'gone', command: '/nonexistent/lamp', backoff: { initial: '10s', max: '10s' } }, { name: 'lamp', command: 'sleep', args: ['1000'] }] }))
  const { stdout } = await runCallboard(t, ['start', '--detach'], { home })
  t.regex(stdout, /^ {2}agent gone {2}cannot start: there is no file \/nonexistent\/lamp\n {2}agent lamp {2}run$/m)
  // It tells the command first, and writes to its log a moment later.
  const { out, log } = homePaths(home)
  await until(() => /listens at/.test(readFileSync(out, 'utf8')) && existsSync(log))
  t.regex((await runCallboard(t, ['agent', 'ls'], { home })).stdout, /^gone .* cannot start: there is no file \/nonexistent\/lamp$/m)
  t.is((await runCallboard(t, ['logs'], { home })).exit, 0)
})
