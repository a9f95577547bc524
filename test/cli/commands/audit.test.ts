import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { auditLine, CHAIN_START, type ChainEnd } from '../../../telemetry/audit-chain.ts'
import { ChildOutput } from '../../support/child-output.ts'
import { runCallboard, spawnCallboard } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

interface Home {
  readonly home: string
  readonly path: string
  /** Adds an entry of the channel `name` to the chain; the file that it goes to is another when it was set aside. */
  readonly add: (name: string) => ChainEnd
}

function homeWithAudit(t: ExecutionContext, ...names: string[]): Home {
  const home = temporaryDirectory(t)
  const path = join(home, 'audit.log')
  let end = CHAIN_START
  const add = (channel: string): ChainEnd => {
    const next = auditLine({ time: 0, action: 'channel.created', who: 'owner', fields: { channel } }, end)
    appendFileSync(path, next.line)
    return (end = next.end)
  }
  for (const name of names) add(name)
  return { home, path, add }
}

const withoutTime = (text: string): string[] => text.split('\n').filter(line => line !== '').map(line => line.slice(25))

test('logs --audit: shows all files, the oldest first, selected by an expression over what is printed', async t => {
  const { home, path, add } = homeWithAudit(t, 'one')
  renameSync(path, `${path}.2`)
  add('two')
  renameSync(path, `${path}.1`)
  add('three')
  const shown = async (...words: string[]): Promise<string[]> => withoutTime((await runCallboard(t, ['logs', '--audit', ...words], { home })).stdout)
  const [one, two, three] = ['#1  channel.created  owner  channel=one', '#2  channel.created  owner  channel=two', '#3  channel.created  owner  channel=three']
  t.deepEqual(await shown(), [one, two, three])
  t.deepEqual(await shown('--grep', 'channel=t'), [two, three])
  t.deepEqual(await shown('--lines', '1'), [three])
  t.is((await runCallboard(t, ['logs', '--audit', '--json', '--lines', '1'], { home })).stdout, readFileSync(path, 'utf8'))
})

test('logs --audit: what somebody called himself does not steer the terminal', async t => {
  const { home } = homeWithAudit(t, '\u001b[2Jgone')
  t.deepEqual(withoutTime((await runCallboard(t, ['logs', '-a'], { home })).stdout), ['#1  channel.created  owner  channel=\\x1b[2Jgone'])
})

test('logs --audit: --follow shows the last lines, then new ones, through rotation, and Ctrl-C ends it with 0', async t => {
  const { home, path, add } = homeWithAudit(t, ...Array.from({ length: 20 }, (_, i) => `old-${i}`))
  const child = spawnCallboard(t, ['logs', '--audit', '--follow', '--lines', '1'], { home })
  const output = new ChildOutput(child)
  const next = async (): Promise<string> => withoutTime(await output.next())[0]!
  t.is(await next(), '#20  channel.created  owner  channel=old-19')
  add('added')
  t.is(await next(), '#21  channel.created  owner  channel=added')
  renameSync(path, `${path}.1`)
  add('rotated')
  t.is(await next(), '#22  channel.created  owner  channel=rotated')
  child.kill('SIGINT')
  t.deepEqual(await once(child, 'exit'), [0, null])
})

test('logs --verify: a chain that holds, and one that does not, with its first broken line and exit code 1', async t => {
  const { home, path, add } = homeWithAudit(t, 'one', 'two')
  renameSync(path, `${path}.1`)
  const last = add('three')
  const verify = (...words: string[]) => runCallboard(t, ['logs', '--audit', '--verify', ...words], { home })
  const good = await verify()
  t.is(good.exit, 0, good.stderr)
  t.regex(good.stdout, new RegExp(`entries +3, 1 to 3\nlast +3:${last.hash} `))
  t.regex(good.stdout, /the chain holds\n$/)
  t.like(JSON.parse((await verify('--json')).stdout), { ok: true, files: 2, entries: 3, last })
  const text = readFileSync(`${path}.1`, 'utf8')
  writeFileSync(`${path}.1`, text.replace('two', 'tow'))
  const bad = await verify()
  t.is(bad.exit, 1)
  t.regex(bad.stdout, /the chain is broken at audit\.log\.1 line 2: not an entry, or changed: its hash is not that of its content\n1 entry before it is as written\n$/)
  const json = await verify('--json')
  t.is(json.exit, 1)
  t.like(JSON.parse(json.stdout), { ok: false, problem: { file: `${path}.1`, line: 2 } })
  writeFileSync(`${path}.1`, text.split('\n')[0]! + '\n')
  t.regex((await verify()).stdout, /the chain is broken at audit\.log line 1: entry 3 follows entry 1/)
})

test('logs --verify: an entry that was noted before shows that the end was taken away', async t => {
  const { home, path, add } = homeWithAudit(t, 'one', 'two')
  const before = readFileSync(path)
  const { seq, hash } = add('three')
  const verify = (anchor: string) => runCallboard(t, ['logs', `--verify=${anchor}`], { home })
  t.is((await verify(`${seq}:${hash}`)).exit, 0)
  writeFileSync(path, before)
  const cut = await verify(`${seq}:${hash}`)
  t.is(cut.exit, 1)
  t.regex(cut.stdout, /the chain is broken at audit\.log: entry 3, which was there once, is not/)
  add('another')
  rmSync(path)
  const wrong = await verify('3:7')
  t.is(wrong.exit, 2)
})

test('logs --audit: without one it says why there is none; options that mean nothing with it are refused', async t => {
  const home = temporaryDirectory(t)
  const none = await runCallboard(t, ['logs', '--audit'], { home })
  t.is(none.exit, 1)
  t.regex(none.stderr, /no audit log at .*\nhint: no broker has run with this home, or its config has audit.enabled: false/)
  t.is((await runCallboard(t, ['logs', '--audit', '--level', 'info'], { home })).exit, 2)
  t.is((await runCallboard(t, ['logs', '--verify', '--follow'], { home })).exit, 2)
})
