import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import type { AuditSettings } from '../../broker/ground/settings.ts'
import { checkAuditFiles, type AuditReport } from '../../telemetry/audit-check.ts'
import { AuditFile, auditFiles } from '../../telemetry/audit-file.ts'
import { AuditLog, openableAudit, type AuditLogOptions } from '../../telemetry/audit-log.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { recordedLog, type RecordedLog } from '../support/recorded-log.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

/** What the file holds; nothing while it is not there, as in the middle of being set aside. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

interface Rig {
  readonly path: string
  readonly clock: FakeClock
  readonly log: RecordedLog
  /** A log on the path, open. */
  readonly start: (more?: Partial<AuditLogOptions>) => AuditLog
  readonly entries: (path?: string) => Record<string, unknown>[]
  readonly check: () => Promise<AuditReport>
}

function setUp(t: ExecutionContext, limits: Partial<AuditSettings> = {}): Rig {
  const path = join(temporaryDirectory(t), 'audit.log')
  const clock = new FakeClock()
  const log = recordedLog()
  const deadlines = new Deadlines(clock, { onError: error => t.fail(String(error)) })
  const settings = { enabled: true, maxFileBytes: 1024 * 1024, keepFiles: 3, ...limits }
  return {
    path,
    clock,
    log,
    start(more = {}) {
      const audit = new AuditLog({ path, settings, deadlines, log, clock, ...more })
      audit.open()
      return audit
    },
    entries: (from = path) => readFileSync(from, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>),
    check: async () => checkAuditFiles(await auditFiles(path)),
  }
}

test('audit log: entries are written in order and closed to others, those from before it was opened too', async t => {
  const { path, start, entries, check, clock, log } = setUp(t, { maxFileBytes: 1e7 })
  const audit = new AuditLog({ path, settings: { enabled: true, maxFileBytes: 1e7, keepFiles: 1 }, deadlines: new Deadlines(clock, { onError: () => {} }), log, clock })
  audit.record('broker.started', 'process', { pid: 7 })
  t.false(existsSync(path))
  audit.open()
  for (let i = 0; i < 5000; i++) audit.record('connection.admitted', 'owner', { connection: `conn-${i}` })
  await audit.close()
  audit.record('broker.stopping', 'too late')
  t.is(statSync(path).mode & 0o777, 0o600)
  t.deepEqual(entries().map(({ connection }) => connection), [undefined, ...Array.from({ length: 5000 }, (_, i) => `conn-${i}`)])
  t.like(entries()[0], { seq: 1, time: 1_000_000_000_000, action: 'broker.started', who: 'process', pid: 7 })
  const next = start()
  next.record('broker.started', 'process')
  await next.close()
  t.like(await check(), { entries: 5002, problem: undefined, notes: [] })
})

test('audit log: let go of, it is another process\'s; had again, the chain goes on behind what that one wrote', async t => {
  const { start, entries, check } = setUp(t)
  const audit = start()
  audit.record('broker.started', 'one')
  await audit.suspend()
  const other = start()
  other.record('broker.started', 'other')
  await other.close()
  audit.record('connection.admitted', 'meanwhile')
  t.is(entries().length, 2)
  audit.open()
  audit.record('broker.stopping', 'one')
  await audit.close()
  t.deepEqual(entries().map(({ who }) => who), ['one', 'other', 'meanwhile', 'one'])
  t.like(await check(), { entries: 4, problem: undefined })
})

test('audit log: one that was never opened, or is turned off, leaves no file', async t => {
  const { path, clock, log } = setUp(t)
  const deadlines = new Deadlines(clock, { onError: () => {} })
  const audit = new AuditLog({ path, settings: { enabled: true, maxFileBytes: 1e6, keepFiles: 1 }, deadlines, log })
  audit.record('broker.started', 'process')
  await audit.close()
  const off = openableAudit({ path, settings: { enabled: false, maxFileBytes: 1e6, keepFiles: 1 }, deadlines, log })
  off.open()
  off.audit.record('broker.started', 'process')
  await off.close()
  t.false(existsSync(path))
})

test('audit log: a file that others could read is closed to them, and a link is not followed', async t => {
  const { path, start, log } = setUp(t)
  writeFileSync(path, '')
  chmodSync(path, 0o644)
  const audit = start()
  audit.record('broker.started', 'process')
  await audit.close()
  t.is(statSync(path).mode & 0o777, 0o600)
  renameSync(path, `${path}.real`)
  symlinkSync(`${path}.real`, path)
  const linked = start()
  linked.record('broker.started', 'process')
  await linked.close()
  t.is(readFileSync(`${path}.real`, 'utf8').split('\n').length, 2)
  t.regex(String(log.records[0]?.fields['err']), /ELOOP/)
})

test('audit log: a large file is set aside; the chain goes on through all that are kept, and what is left says where it begins', async t => {
  const { path, start, entries, check } = setUp(t, { maxFileBytes: 4096, keepFiles: 3 })
  const audit = start()
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 10; i++) audit.record('connection.admitted', 'owner', { round, i })
    const expected = { round, i: 9 }
    await until(() => textOf(path).includes(JSON.stringify(expected).slice(1, -1)))
  }
  await audit.close()
  t.deepEqual((await auditFiles(path)).map(file => file.slice(path.length)), ['.3', '.2', '.1', ''])
  for (const file of await auditFiles(path)) {
    t.true(statSync(file).size <= 4096, file)
    t.is(statSync(file).mode & 0o777, 0o600)
  }
  const first = Number(entries(`${path}.3`)[0]!['seq'])
  t.true(first > 1)
  const report = await check()
  t.like(report, { problem: undefined, entries: 201 - first, first: { seq: first }, last: { seq: 200 } })
  t.regex(report.notes[0]!.text, new RegExp(`begins at entry ${first};`))
})

test('audit log: a file taken out of the middle of the chain is found', async t => {
  const { path, start, check } = setUp(t, { maxFileBytes: 1024, keepFiles: 9 })
  const audit = start()
  for (let i = 0; i < 20; i++) {
    audit.record('tracing.changed', 'owner', { i })
    await until(() => textOf(path).includes(`"i":${i},`))
  }
  await audit.close()
  t.is((await check()).problem, undefined)
  rmSync(`${path}.2`)
  t.like(await check(), { problem: { file: `${path}.1`, line: 1 } })
})

test('audit log: without files to keep the one that is large is removed; a lower number to keep removes the others', async t => {
  const { path, start, check } = setUp(t, { maxFileBytes: 1024, keepFiles: 0 })
  for (const number of [1, 2, 7]) writeFileSync(`${path}.${number}`, '')
  const audit = start()
  for (let i = 0; i < 9; i++) {
    audit.record('tracing.changed', 'owner', { i })
    await until(() => textOf(path).includes(`"i":${i},`))
  }
  await audit.close()
  t.deepEqual(await auditFiles(path), [path])
  t.is((await check()).problem, undefined)
})

test('audit log: a tail that a kill cut off stays, is said, and is gone on from', async t => {
  const { path, start, check, log } = setUp(t)
  const first = start()
  for (let i = 0; i < 3; i++) first.record('tracing.changed', 'owner', { i })
  await first.close()
  const whole = readFileSync(path)
  const lastLine = whole.length - whole.lastIndexOf('\n', whole.length - 2) - 1
  t.true(lastLine > 200)
  for (let cut = 1; cut < lastLine; cut += 7) {
    writeFileSync(path, whole.subarray(0, whole.length - cut))
    const before = readFileSync(path)
    const next = start()
    next.record('broker.started', 'process')
    await next.close()
    t.deepEqual(readFileSync(path).subarray(0, before.length), before, 'what was there is there')
    const report = await check()
    t.is(report.problem, undefined, `cut ${cut}`)
    if (cut === 1) t.is(report.entries, 4, 'only the line end was missing')
    else t.regex(report.notes[0]!.text, /^line 3 was cut off, .*; entry 3 says so$/)
  }
  t.true(log.records.some(({ text }) => text.startsWith('the audit log ends in bytes that are no entry')))
})

test('audit log: bytes behind the last entry that its next one does not account for are found', async t => {
  const { path, start, check } = setUp(t)
  const first = start()
  first.record('broker.started', 'process')
  await first.close()
  appendFileSync(path, '{"seq":2,"time":0,"action":"connection.adm')
  t.like(await check(), { problem: undefined, entries: 1, notes: [{ line: 2 }] }, 'it may be in the middle of being written')
  appendFileSync(path, '\n')
  t.like(await check(), { problem: { line: 2 } })
  const next = start()
  next.record('broker.started', 'process')
  await next.close()
  t.is((await check()).problem, undefined)
  writeFileSync(path, readFileSync(path, 'utf8').replace('connection.adm', 'connection.ref'))
  t.like(await check(), { problem: { line: 2 } })
})

test('audit log: a file without any entry is gone on from, back to the one set aside before it', async t => {
  const { path, start, check } = setUp(t, { maxFileBytes: 600, keepFiles: 5 })
  const first = start()
  for (let i = 0; i < 3; i++) {
    first.record('tracing.changed', 'owner', { i })
    await until(() => textOf(path).includes(`"i":${i},`))
  }
  await first.close()
  truncateSync(path, 0)
  const second = start()
  second.record('broker.started', 'process')
  await second.close()
  t.is((await check()).last?.seq, 3, 'the end of the file before it')
  writeFileSync(path, Buffer.alloc(300_000, 'not a log\n'))
  const third = start()
  third.record('broker.started', 'process')
  await third.close()
  t.is((await check()).problem, undefined)
})

test('audit log: the last entry is found behind more garbage than is looked at first', async t => {
  const { path, start, check } = setUp(t)
  const first = start()
  first.record('broker.started', 'process')
  await first.close()
  appendFileSync(path, Buffer.alloc(700_000))
  const next = start()
  next.record('broker.started', 'process')
  await next.close()
  t.like(await check(), { problem: undefined, entries: 3, last: { seq: 3 } })
})

/** A disk that can be filled: an append writes half of its bytes then, and fails. */
class Disk {
  isFull = false
  attempts = 0

  readonly open: typeof AuditFile.open = async (path, limits, onNotSetAside) => {
    const file = await AuditFile.open(path, limits, onNotSetAside)
    const append = file.append.bind(file)
    file.append = async lines => {
      this.attempts++
      if (!this.isFull) return append(lines)
      // An earlier attempt may have left half a line: the file closes it before anything else.
      const closing = /[^\n]$/.test(textOf(path)) ? '\n' : ''
      appendFileSync(path, Buffer.concat([Buffer.from(closing), lines.subarray(0, lines.length >> 1)]))
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    }
    return file
  }
}

test('audit log: a full disk is said once, what waits is written when there is room, and nothing twice', async t => {
  const { start, check, clock, log } = setUp(t)
  const disk = new Disk()
  const audit = start({ openFile: disk.open })
  audit.record('tracing.changed', 'owner', { i: 0 })
  await until(() => disk.attempts === 1)
  disk.isFull = true
  for (let i = 1; i < 50; i++) audit.record('tracing.changed', 'owner', { i })
  for (let attempt = 2; attempt < 5; attempt++) {
    await until(() => disk.attempts === attempt)
    await clock.advance(1100)
  }
  disk.isFull = false
  await audit.close()
  const report = await check()
  t.is(report.problem, undefined)
  // 50 of ours and one for each tail that the disk cut off.
  const ours = report.entries - report.notes.filter(({ text }) => text.includes('was cut off')).length
  t.is(ours, 50)
  t.deepEqual(log.records.filter(({ level }) => level === 'error').map(({ text }) => text), ['the audit log cannot be written; entries wait'])
  t.true(log.records.some(({ text }) => text === 'the audit log is written again'))
})

test('audit log: entries keep their order over attempts that wrote a part of them', async t => {
  const { path, start, clock } = setUp(t)
  const disk = new Disk()
  disk.isFull = true
  const audit = start({ openFile: disk.open })
  for (let i = 0; i < 400; i++) audit.record('tracing.changed', 'owner', { i })
  for (let attempt = 1; attempt < 6; attempt++) {
    await until(() => disk.attempts === attempt)
    await clock.advance(1100)
  }
  disk.isFull = false
  await audit.close()
  const written = [...readFileSync(path, 'utf8').matchAll(/"i":(\d+),"previous":"\w{64}","hash":"\w{64}"}$/gm)].map(([, i]) => Number(i))
  t.deepEqual(written, Array.from({ length: 400 }, (_, i) => i))
})

test('audit log: what there is no room for is counted, and an entry in its place says how many', async t => {
  const { path, start, entries, check, clock } = setUp(t, { maxFileBytes: 64 * 1024 * 1024 })
  const disk = new Disk()
  const broken: typeof AuditFile.open = (...args) => (disk.isFull ? Promise.reject(new Error('ENOSPC')) : disk.open(...args))
  disk.isFull = true
  const audit = start({ openFile: broken })
  for (let i = 0; i < 10_500; i++) audit.record('tracing.changed', 'owner', { i })
  disk.isFull = false
  await clock.advance(1100)
  await until(() => textOf(path).includes('"log.lost"'))
  audit.record('tracing.changed', 'owner', { i: 'later' })
  await audit.close()
  const written = entries()
  t.is(written.length, 10_002)
  t.like(written[9_999], { action: 'tracing.changed', i: 9_999 })
  t.like(written[10_000], { action: 'log.lost', who: 'process', count: 500 })
  t.like(written[10_001], { i: 'later' })
  const report = await check()
  t.is(report.problem, undefined)
  t.regex(report.notes[0]!.text, /^500 entries were lost before this one/)
})

test('audit log: a disk that stays full does not hold up the end, and says what is lost', async t => {
  const { start, log } = setUp(t)
  const disk = new Disk()
  disk.isFull = true
  const audit = start({ openFile: disk.open })
  for (let i = 0; i < 5; i++) audit.record('tracing.changed', 'owner', { i })
  await audit.close()
  const last = log.records.at(-1)!
  t.is(last.text, 'entries of the audit log are lost')
  t.true(Number(last.fields['entries']) > 0)
})

test('audit log: a file that somebody takes away while it is written is missed, and the gap shows', async t => {
  const { path, start, entries, check, clock, log } = setUp(t)
  const audit = start()
  audit.record('tracing.changed', 'owner', { i: 0 })
  await until(() => textOf(path).endsWith('\n'))
  rmSync(path)
  audit.record('tracing.changed', 'owner', { i: 1 })
  await log.logged(/cannot be written/)
  await clock.advance(1100)
  await audit.close()
  t.like(entries(), [{ seq: 2, i: 1 }])
  t.regex((await check()).notes[0]!.text, /begins at entry 2/)
})

test('audit log: where a large file cannot be set aside it grows on, and that is said', async t => {
  const { path, start, log } = setUp(t, { maxFileBytes: 1024, keepFiles: 1 })
  // A directory that is not empty cannot be replaced by a file.
  mkdirSync(join(`${path}.1`, 'x'), { recursive: true })
  const audit = start()
  for (let i = 0; i < 9; i++) {
    audit.record('tracing.changed', 'owner', { i })
    await until(() => textOf(path).includes(`"i":${i},`))
  }
  await audit.close()
  t.is((await checkAuditFiles([path])).entries, 9)
  t.true(log.records.every(({ text }) => text === 'the audit log is too large and cannot be set aside'))
  t.true(log.records.length > 0)
})
