import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { ChildOutput } from '../../support/child-output.ts'
import { runCallboard, spawnCallboard } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const entry = (level: number, actor: string, msg: string): string => `${JSON.stringify({ level, time: 0, actor, msg })}\n`

function homeWithLog(t: ExecutionContext, ...lines: string[]): { home: string; log: string } {
  const home = temporaryDirectory(t)
  mkdirSync(join(home, 'logs'))
  const log = join(home, 'logs', 'callboard.log')
  if (lines.length > 0) writeFileSync(log, lines.join(''))
  return { home, log }
}

test('logs: lines are selected by level and by an expression over what is printed', async t => {
  const { home } = homeWithLog(t, entry(30, 'agent.tail', 'started'), entry(40, 'agent.echo', 'message lost'), entry(50, 'agent.tail', 'dropped'))
  const shown = async (...words: string[]): Promise<string[]> => (await runCallboard(t, ['logs', ...words], { home })).stdout.split('\n').filter(line => line !== '').map(line => line.slice(14))
  t.deepEqual(await shown(), ['info   agent.tail  started', 'warn   agent.echo  message lost', 'error  agent.tail  dropped'])
  t.deepEqual(await shown('--level', 'warn'), ['warn   agent.echo  message lost', 'error  agent.tail  dropped'])
  t.deepEqual(await shown('--grep', 'message.*lost|dropped'), ['warn   agent.echo  message lost', 'error  agent.tail  dropped'])
  t.deepEqual(await shown('--grep', 'message.*lost\\|dropped'), ['warn   agent.echo  message lost', 'error  agent.tail  dropped'])
  t.deepEqual(await shown('--grep', '^\\S+  info'), ['info   agent.tail  started'])
  t.deepEqual(await shown('--lines', '1'), ['error  agent.tail  dropped'])
})

test('logs: --json prints the entries as they are', async t => {
  const { home } = homeWithLog(t, entry(30, 'a', 'one'), entry(40, 'a', 'two'))
  const { stdout } = await runCallboard(t, ['logs', '--json', '--level', 'warn'], { home })
  t.is(stdout, entry(40, 'a', 'two'))
})

test('logs: without a log it says why there is none', async t => {
  const { exit, stderr } = await runCallboard(t, ['logs'], { home: temporaryDirectory(t) })
  t.is(exit, 1)
  t.regex(stderr, /no log at .*\nhint: no broker has run with this home/)
})

test('logs: --follow shows the last lines, then new ones, through rotation, and Ctrl-C ends it with 0', async t => {
  const { home, log } = homeWithLog(t, ...Array.from({ length: 30 }, (_, n) => entry(30, 'a', `old ${n}`)))
  const child = spawnCallboard(t, ['logs', '--follow', '--lines', '2'], { home })
  const output = new ChildOutput(child)
  const next = async (): Promise<string> => (await output.next()).slice(14)
  t.is(await next(), 'info   a  old 28')
  t.is(await next(), 'info   a  old 29')
  appendFileSync(log, entry(30, 'a', 'added'))
  t.is(await next(), 'info   a  added')
  renameSync(log, `${log}.1`)
  writeFileSync(log, entry(30, 'a', 'rotated'))
  t.is(await next(), 'info   a  rotated')
  child.kill('SIGINT')
  t.deepEqual(await once(child, 'exit'), [0, null])
})

test('logs: a reader that leaves early ends it in silence', async t => {
  const { home } = homeWithLog(t, ...Array.from({ length: 20_000 }, (_, n) => entry(30, 'a', `line ${n}`)))
  const child = spawnCallboard(t, ['logs'], { home })
  let stderr = ''
  child.stderr!.on('data', chunk => (stderr += String(chunk)))
  await once(child.stdout!, 'data')
  child.stdout!.destroy()
  t.deepEqual(await once(child, 'close'), [0, null])
  t.is(stderr, '')
})
