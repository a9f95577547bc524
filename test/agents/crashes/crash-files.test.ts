import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { crashBounds, CrashFiles, crashId, crashTimes, type CrashBounds } from '../../../agents/crashes/crash-files.ts'
import type { CrashReport } from '../../../broker/ground/crash.ts'
import { recordedLog } from '../../support/recorded-log.ts'
import { mayMount, smallDisk } from '../../support/small-disk.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { until } from '../../support/until.ts'

const report = (agent: string, time: number, text = ''): CrashReport => ({
  id: crashId(time, 1, 1), agent, instance: agent, incarnation: 1, brokerIncarnation: 1, time, ranMs: 1, reason: 'exited with code 1', wasAsked: false, limits: [], messages: [], next: { kind: 'down' },
  lines: text === '' ? [] : [{ seq: 1, time, instance: agent, start: 1, stream: 'stdout', text }],
})

function crashFiles(t: ExecutionContext, bounds: Partial<CrashBounds> = {}, directory = join(temporaryDirectory(t), 'crashes')) {
  const log = recordedLog()
  return { directory, log, files: new CrashFiles(directory, log, { ...crashBounds, ...bounds }) }
}

const times = async (files: CrashFiles, agent: string): Promise<number[]> => (await files.of(agent)).map(({ time }) => time)

test('crash files: the newest first, closed to others, and found again by the next broker', async t => {
  const { directory, files } = crashFiles(t)
  t.deepEqual(await files.of('lamp'), [])
  const kept = [files.keep(report('lamp', 1000)), files.keep(report('lamp', 2000)), files.keep(report('fan', 1500))]
  t.deepEqual(await times(files, 'lamp'), [2000, 1000], 'also while they are being written')
  t.deepEqual(await Promise.all(kept), [true, true, true])
  t.is(statSync(join(directory, 'lamp')).mode & 0o777, 0o700)
  t.is(statSync(join(directory, 'lamp', `${crashId(1000, 1, 1)}.json`)).mode & 0o777, 0o600)
  const next = crashFiles(t, {}, directory)
  t.deepEqual(await next.files.of('lamp'), [report('lamp', 2000), report('lamp', 1000)])
  t.deepEqual(await crashTimes(directory), new Map([['fan', [1500]], ['lamp', [2000, 1000]]]))
})

test('crash files: of each agent the last ones, of all the last ones, and no more bytes than may be', async t => {
  const { directory, files } = crashFiles(t, { perAgent: 2, files: 4 })
  for (let time = 1; time <= 3; time++) await files.keep(report('lamp', time))
  t.deepEqual(await times(files, 'lamp'), [3, 2])
  for (const agent of ['a', 'b', 'c']) await files.keep(report(agent, 10))
  t.deepEqual(await times(files, 'lamp'), [3])
  // A broker that comes later counts those that are there.
  const next = crashFiles(t, { bytes: 3000 }, directory).files
  await next.keep(report('d', 20, 'x'.repeat(2000)))
  t.deepEqual(await times(next, 'lamp'), [])
  t.is((await next.of('d')).length, 1)
  await next.keep(report('e', 30, 'x'.repeat(9000)))
  t.deepEqual([(await next.of('d')).length, (await next.of('e')).length], [0, 1], 'the newest stays, however large')
})

test('crash files: what a killed broker began is removed, what is damaged or none is passed over', async t => {
  const { directory, files } = crashFiles(t)
  const folder = join(directory, 'lamp')
  mkdirSync(folder, { recursive: true })
  const draft = join(folder, `${crashId(1, 1, 1)}.new`)
  for (const [name, text] of [[`${crashId(2, 1, 1)}.json`, ''], [`${crashId(3, 1, 1)}.json`, '{"id":'], [`${crashId(4, 1, 1)}.json`, '[]'], ['notes.txt', 'mine']] as const) writeFileSync(join(folder, name), text)
  const young = join(folder, `${crashId(6, 1, 1)}.new`)
  for (const path of [draft, young]) writeFileSync(path, '{"id"')
  utimesSync(draft, 1000, 1000)
  await files.keep(report('lamp', 5))
  t.deepEqual(await times(files, 'lamp'), [5])
  t.deepEqual([existsSync(draft), existsSync(young)], [false, true], 'the broker before this one may be at it still')
  t.true(existsSync(join(folder, 'notes.txt')))
})

test('crash files: a name that is none of an agent reads nothing', async t => {
  const { directory, files } = crashFiles(t)
  await files.keep(report('lamp', 1))
  for (const name of ['..', '../crashes/lamp', '/etc', '']) t.deepEqual(await files.of(name), [], name)
  t.deepEqual(readdirSync(directory), ['lamp'])
})

test('crash files: one that cannot be written is lost by name, and nothing else is', async t => {
  const { directory, log, files } = crashFiles(t)
  // A file where the agent's directory would be: also for root, whom no mode keeps out.
  mkdirSync(directory)
  writeFileSync(join(directory, 'lamp'), '')
  chmodSync(join(directory, 'lamp'), 0o600)
  t.deepEqual(await Promise.all([files.keep(report('lamp', 1)), files.keep(report('fan', 1))]), [false, true])
  const [record] = log.records.filter(({ level }) => level === 'error')
  t.like(record, { text: 'a crash report could not be kept', fields: { agent: 'lamp', err: { code: 'agent.report_lost' } } })
})

test('crash files: in a storm so many wait, and the rest is lost at once', async t => {
  const { files, log } = crashFiles(t)
  const kept = await Promise.all(Array.from({ length: 300 }, (_, n) => files.keep(report(`a${n}`, n))))
  t.is(kept.filter(Boolean).length, 256)
  t.is(log.records.filter(({ level }) => level === 'error').length, 44)
})

const onDisk = mayMount() ? test : test.skip
onDisk('crash files: on a full disk a report is lost and leaves nothing; when there is room again the next is kept', async t => {
  const disk = smallDisk(t, 1024 * 1024)
  const { directory, files, log } = crashFiles(t, {}, join(disk.path, 'crashes'))
  t.true(await files.keep(report('lamp', 1)))
  disk.fill(8192)
  t.false(await files.keep(report('lamp', 2, 'x'.repeat(200_000))))
  t.regex((log.records.at(-1)!.fields['err'] as Error).message, /ENOSPC/)
  t.deepEqual(readdirSync(join(directory, 'lamp')), [`${crashId(1, 1, 1)}.json`])
  disk.empty()
  t.true(await files.keep(report('lamp', 3, 'x'.repeat(200_000))))
  t.deepEqual(await times(files, 'lamp'), [3, 1])
})

test('crash files: at any moment, and so when the broker is killed while it writes, each file is whole', async t => {
  const directory = temporaryDirectory(t)
  const folder = join(directory, 'lamp')
  const writer = spawn(process.execPath, [join(import.meta.dirname, '../../support/crash-writer.ts'), directory], { stdio: ['ignore', 'ignore', 'inherit'] })
  t.teardown(() => writer.kill('SIGKILL'))
  const exited = once(writer, 'exit')
  await until(() => existsSync(folder))
  const seen = new Set<string>()
  const look = (): void => {
    for (const name of readdirSync(folder).filter(each => each.endsWith('.json') && !seen.has(each))) {
      t.is((JSON.parse(readFileSync(join(folder, name), 'utf8')) as CrashReport).lines.length, 200, name)
      seen.add(name)
    }
  }
  await until(() => {
    look()
    return seen.size >= 10
  })
  writer.kill('SIGKILL')
  await exited
  look()
  t.is((await crashFiles(t, { perAgent: 1000 }, directory).files.of('lamp')).length, seen.size)
})
