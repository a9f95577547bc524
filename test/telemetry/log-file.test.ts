import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import { LogFile } from '../../telemetry/log-file.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const LARGE_BYTES = 64 * 1024 * 1024

function logFile(t: ExecutionContext): { file: LogFile; path: string; lines: () => { level: string; msg: string }[] } {
  const path = join(temporaryDirectory(t), 'log')
  const lines = (): { level: string; msg: string }[] => readFileSync(path, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as { level: string; msg: string })
  return { file: new LogFile(path, { level: 'info' }), path, lines }
}

test('log file: what was logged before it is opened comes first, what is logged after it is closed is lost', async t => {
  const { file, path, lines } = logFile(t)
  file.log.info({}, 'early')
  file.log.debug({}, 'below the level')
  t.false(existsSync(path))
  file.open()
  file.log.child({ actor: 'x' }).warn({}, 'later')
  await file.close()
  file.log.error({}, 'too late')
  t.like(lines(), [{ level: 'info', msg: 'early' }, { level: 'warn', actor: 'x', msg: 'later' }])
  t.is(lines().length, 2)
  t.is(statSync(path).mode & 0o777, 0o600)
})

test('log file: one that was never opened leaves no trace', async t => {
  const { file, path } = logFile(t)
  file.log.error({}, 'nobody reads this')
  await file.close()
  t.false(existsSync(path))
})

test('log file: secrets are not written, wherever they stand', async t => {
  const { file, path } = logFile(t)
  file.open()
  file.log.info({ token: 'hidden-1', hello: { auth: 'hidden-2', name: 'shown' } }, 'hello')
  await file.close()
  const text = readFileSync(path, 'utf8')
  t.notRegex(text, /hidden/)
  t.regex(text, /shown/)
})

test('log file: a large one is set aside when it is opened and when it has grown', async t => {
  const { file, path, lines } = logFile(t)
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, { onError: error => t.fail(String(error)) })
  t.teardown(() => deadlines.close())
  // Sparse: it takes no room on the disk.
  writeFileSync(path, '')
  truncateSync(path, LARGE_BYTES + 1)
  file.open()
  file.watchSize(deadlines)
  t.is(statSync(`${path}.1`).size, LARGE_BYTES + 1)
  file.log.info({}, 'in the new one')
  await clock.advance(61_000)
  t.is(statSync(`${path}.1`).size, LARGE_BYTES + 1)
  await file.close()
  t.is(lines().length, 1)
})

test('log file: one that cannot be opened ends nobody, is said once, and closes', async t => {
  const said: string[] = []
  const file = new LogFile(join(temporaryDirectory(t), 'missing', 'log'), { level: 'info' }, text => said.push(text))
  file.log.info({}, 'lost')
  file.open()
  await t.notThrowsAsync(file.close())
  t.notThrows(() => file.log.info({}, 'lost too'))
  t.is(said.length, 1)
  t.regex(said[0]!, /the log cannot be written: ENOENT/)
})
