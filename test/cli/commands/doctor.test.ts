import { chmodSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { ensureToken, prepareHome, type HomePaths } from '../../../broker/ground/home.ts'
import type { Finding } from '../../../cli/checks/finding.ts'
import { diskSpace, nodeVersion, openFileLimit, openFiles } from '../../../cli/checks/machine.ts'
import { sandboxFinding } from '../../../cli/checks/sandbox.ts'
import { writeStartRecord } from '../../../cli/start-record.ts'
import { runCallboard, type Run } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

async function examine(t: ExecutionContext, home: string): Promise<{ run: Run; find: (check: string) => Finding | undefined }> {
  const run = await runCallboard(t, ['doctor', '--json'], { home })
  const { ok, checks } = JSON.parse(run.stdout) as { ok: boolean; checks: Finding[] }
  t.is(ok, run.exit === 0)
  for (const finding of checks) t.true(finding.state === 'ok' || finding.check === 'config' || finding.remedy !== undefined, `${finding.text} has a remedy`)
  return { run, find: check => checks.find(finding => finding.check === check) }
}

function made(t: ExecutionContext): HomePaths {
  const paths = prepareHome(temporaryDirectory(t))
  ensureToken(paths)
  return paths
}

test('doctor: a home that does not exist yet is no fault', async t => {
  const { run, find } = await examine(t, join(temporaryDirectory(t), 'new'))
  t.is(run.exit, 0)
  t.is(find('home')?.state, 'warn')
  t.regex(find('broker')?.remedy ?? '', /callboard start/)
})

test('doctor: a home as start makes it is in order', async t => {
  const { run, find } = await examine(t, made(t).home)
  t.is(run.exit, 0)
  for (const check of ['node', 'home', 'token', 'pid', 'socket', 'config']) t.is(find(check)?.state, 'ok', check)
})

test('doctor: what others may read or write is found, with the command that closes it', async t => {
  const paths = made(t)
  chmodSync(paths.token, 0o644)
  chmodSync(paths.home, 0o777)
  const { run, find } = await examine(t, paths.home)
  t.is(run.exit, 1)
  t.like(find('home'), { state: 'fail', remedy: `chmod 700 ${paths.home}` })
  t.is(find('token')?.state, 'fail')
  t.regex(find('token')?.remedy ?? '', /chmod 600 .*token/)
  chmodSync(paths.home, 0o755)
  t.is((await examine(t, paths.home)).find('home')?.state, 'warn')
})

test('doctor: what a killed broker left is told from one that runs', async t => {
  const paths = made(t)
  writeFileSync(paths.pid, '999999\nanother boot/1\n')
  t.is((await examine(t, paths.home)).find('pid')?.state, 'warn')
})

test('doctor: a file in the socket\'s place is found', async t => {
  const paths = made(t)
  writeFileSync(paths.socket, '')
  t.like((await examine(t, paths.home)).find('socket'), { state: 'fail', text: `${paths.socket} is no socket` })
})

test('doctor: somebody who answers without speaking our protocol is found', async t => {
  const paths = made(t)
  const server = createServer(socket => socket.on('error', () => {}).end('hello\n')).listen(paths.socket)
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { run, find } = await examine(t, paths.home)
  t.is(run.exit, 1)
  t.is(find('broker')?.state, 'fail')
})

test('doctor: an empty token and a wrong configuration are found together', async t => {
  const paths = made(t)
  writeFileSync(paths.token, '')
  writeFileSync(join(paths.home, 'config.yaml'), 'agents:\n  - name: a\n')
  const { run, find } = await examine(t, paths.home)
  t.is(run.exit, 1)
  t.regex(find('token')?.text ?? '', /empty/)
  t.regex(find('config')?.text ?? '', /config\.yaml:2:\d+: /)
})

test('doctor: the configuration that the broker was started with is checked, unless another is named', async t => {
  const paths = made(t)
  const [good, bad] = ['good', 'bad'].map(name => join(paths.home, `${name}.own.json`)) as [string, string]
  writeFileSync(good, '{}')
  writeFileSync(bad, '{ "agnets": [] }')
  writeStartRecord(paths, { config: bad })
  t.regex((await examine(t, paths.home)).find('config')?.text ?? '', /bad\.own\.json:1:\d+: .*agnets/)
  t.is((await runCallboard(t, ['doctor', '--config', good], { home: paths.home })).exit, 0)
})

test('doctor: a home that is a file is found', async t => {
  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, '')
  t.is((await examine(t, file)).find('home')?.state, 'fail')
  t.is((await examine(t, join(file, 'below'))).find('home')?.state, 'fail')
})

test('doctor: people get a line per check, its remedy below', async t => {
  const { stdout } = await runCallboard(t, ['doctor'], { home: made(t).home })
  t.regex(stdout, /^ok {4}node +Node 24/m)
  t.regex(stdout, /^warn {2}broker +it does not run\n +→ callboard start$/m)
})

test('doctor: how far agents can be confined is tried, and told', async t => {
  const { find } = await examine(t, made(t).home)
  t.regex(find('sandbox')!.text, /^agents can(?:not)? be /)
  const report = { asked: 'isolated', achieved: 'isolated', parts: { files: 'Landlock 7', systemCalls: 'seccomp', namespaces: 'user mnt pid net ipc uts by unshare' }, missing: [] } as const
  t.deepEqual(sandboxFinding(report), { check: 'sandbox', state: 'ok', text: 'agents can be isolated (Landlock 7, seccomp, user mnt pid net ipc uts by unshare)' })
  const limited = { ...report.parts, memory: '256 MiB for all its processes together, by control groups 2', processes: '64 for all its processes together, by control groups 2', cpu: '1 of the processors, niceness 10' }
  t.regex(sandboxFinding({ ...report, parts: limited }).text, /; memory, processes by control groups 2; cpu process by process$/)
  const less = sandboxFinding({ ...report, achieved: 'limits', parts: {}, missing: ['files: no Landlock'] })
  t.is(less.state, 'warn')
  t.is(less.text, 'agents can be limited; not to be had: files: no Landlock')
})

test('doctor: the machine is judged by version, open files and disk', t => {
  t.is(nodeVersion('24.1.0').state, 'ok')
  t.is(nodeVersion('20.20.2').state, 'fail')
  const limits = (soft: string): string => `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}              1048576              files     \n`
  t.is(openFileLimit(limits('1024')), 1024)
  t.is(openFileLimit(limits('unlimited')), Infinity)
  t.is(openFileLimit(''), undefined)
  t.is(openFiles(1024).state, 'warn')
  t.is(openFiles(Infinity).state, 'ok')
  t.deepEqual([2 ** 30, 2 ** 28, 2 ** 20].map(free => diskSpace(free).state), ['ok', 'warn', 'fail'])
})
