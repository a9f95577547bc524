import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { dirname, join } from 'node:path'
import test from 'ava'
import { bin, runCallboard, spawnCallboard } from '../support/run-callboard.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

// A Node that says it is old: what the launcher runs instead is not told so.
const old = ['--import', `data:text/javascript,${encodeURIComponent('Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.1.0" } })')}`]

test('launcher: an old Node hands over to the bundled one, with words, streams and exit code', async t => {
  const home = temporaryDirectory(t)
  const help = await runCallboard(t, ['ipc', '--help'], { home, nodeOptions: old })
  t.is(help.exit, 0)
  t.true(help.stdout.startsWith('Usage: callboard ipc '))
  const status = await runCallboard(t, ['status'], { home, nodeOptions: old })
  t.is(status.exit, 1)
  t.regex(status.stderr, /^error: no broker runs/)
})

test('launcher: signals reach the command, which ends in its own way', async t => {
  const home = temporaryDirectory(t)
  mkdirSync(join(home, 'logs'))
  writeFileSync(join(home, 'logs', 'callboard.log'), '{"msg":"there"}\n')
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const child = spawnCallboard(t, ['logs', '--follow'], { home, nodeOptions: old })
    await once(child.stdout!, 'data')
    child.kill(signal)
    t.deepEqual(await once(child, 'exit'), [0, null])
  }
})

test('launcher: a command that a signal ends looks so from outside', async t => {
  const home = temporaryDirectory(t)
  mkdirSync(join(home, 'logs'))
  writeFileSync(join(home, 'logs', 'callboard.log'), '{"msg":"there"}\n')
  const child = spawnCallboard(t, ['logs', '--follow'], { home, nodeOptions: old })
  await once(child.stdout!, 'data')
  child.kill('SIGUSR2')
  t.deepEqual(await once(child, 'exit'), [null, 'SIGUSR2'])
})

test('launcher: the process that was started is the command itself', async t => {
  const home = temporaryDirectory(t)
  const child = spawnCallboard(t, ['start'], { home, nodeOptions: old })
  await once(child.stdout!, 'data')
  t.is(Number(readFileSync(join(home, 'callboard.pid'), 'utf8').split('\n', 1)[0]), child.pid!)
  child.kill('SIGTERM')
  t.deepEqual(await once(child, 'exit'), [0, null])
})

test('launcher: compiled code is kept in a folder of this user, and one of somebody else is left alone', async t => {
  const home = temporaryDirectory(t)
  const folder = join(home, 'cache', 'callboard', 'compiled')
  const env = { XDG_CACHE_HOME: join(home, 'cache'), NODE_COMPILE_CACHE: '', TMPDIR: home }
  const kept = async (): Promise<number> => {
    t.is((await runCallboard(t, ['--version'], { home, env })).exit, 0)
    return readdirSync(folder).length
  }
  t.is(await kept(), 1)
  t.is(statSync(folder).mode & 0o777, 0o700)
  t.false(existsSync(join(home, 'node-compile-cache')), 'and nothing where others may write')
  rmSync(folder, { recursive: true })
  mkdirSync(folder)
  chmodSync(folder, 0o777)
  t.is(await kept(), 0, 'others may write there')
})

test('launcher: a broker has a small young generation, in the foreground and in the background, under the pid that was started; one that was asked for stays', async t => {
  const words = (pid: number): string[] => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(word => word.includes('semi-space'))
  for (const [nodeOptions, expected] of [[[], ['--max-semi-space-size=8']], [['--max-semi-space-size=6'], ['--max-semi-space-size=6']]] as const) {
    const home = temporaryDirectory(t)
    const child = spawnCallboard(t, ['start'], { home, nodeOptions })
    await once(child.stdout!, 'data')
    const pid = Number(readFileSync(join(home, 'callboard.pid'), 'utf8').split('\n', 1)[0])
    t.deepEqual([pid, words(pid)], [child.pid!, expected])
    child.kill('SIGTERM')
    t.deepEqual(await once(child, 'exit'), [0, null])
  }
  const home = temporaryDirectory(t)
  t.is((await runCallboard(t, ['start', '--detach'], { home })).exit, 0)
  t.deepEqual(words(Number(readFileSync(join(home, 'callboard.pid'), 'utf8').split('\n', 1)[0])), ['--max-semi-space-size=8'])
  t.is((await runCallboard(t, ['stop'], { home })).exit, 0)
})

test('launcher: without the bundled Node it says what to do, exit code 2', async t => {
  const directory = temporaryDirectory(t)
  for (const file of ['callboard.mjs', 'launch.mjs']) copyFileSync(join(dirname(bin), file), join(directory, file))
  const child = spawn(process.execPath, [...old, join(directory, 'callboard.mjs'), 'status'])
  const [stderr, ended] = await Promise.all([text(child.stderr), once(child, 'exit')])
  t.deepEqual(ended, [2, null])
  t.regex(stderr, /needs Node 24 or newer.*node-\w+-\w+.*is not installed\nhint: .*install Node 24/)
})
