import test, { type ExecutionContext } from 'ava'
import { MAX_LINE_BYTES, OutputLog, type OutputLogOptions } from '../../agents/output-log.ts'
import { LastLines } from '../../agents/last-lines.ts'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { recordedLog } from '../support/recorded-log.ts'

function outputLog(t: ExecutionContext, stream: 'stdout' | 'stderr' = 'stdout', more: Partial<OutputLogOptions> = {}) {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, { onError: error => t.fail(String(error)) })
  const log = recordedLog()
  return { clock, records: log.records, output: new OutputLog({ stream, log, clock, deadlines, secret: 's3cret', rate: { burst: 3, perSecond: 2 }, ...more }) }
}

test('output log: a character split between chunks stays whole, broken UTF-8 is shown as such', t => {
  const { output, records } = outputLog(t)
  const bytes = Buffer.from('Grüße 🙂\n')
  for (const byte of bytes) output.push(Uint8Array.of(byte))
  output.push(Buffer.from([0x61, 0xff, 0x62, 0x0a]))
  t.deepEqual(records, [
    { level: 'info', fields: { stream: 'stdout' }, text: 'Grüße 🙂' },
    { level: 'info', fields: { stream: 'stdout' }, text: 'a\u{FFFD}b' },
  ])
})

test('output log: a long line is cut between characters and says how much is missing', t => {
  const { output, records } = outputLog(t)
  output.push(Buffer.from(`a${'ü'.repeat(MAX_LINE_BYTES)}\n`))
  t.is(records[0]!.text, `a${'ü'.repeat(MAX_LINE_BYTES / 2 - 1)}`)
  t.deepEqual(records[0]!.fields, { stream: 'stdout', cutBytes: MAX_LINE_BYTES + 1 })
})

test('output log: stderr warns, a JSON record has its own level and fields', t => {
  const { output, records } = outputLog(t, 'stderr')
  output.push(Buffer.from('Traceback\n\n{"level":"info","msg":"up","port":1,"stream":"x"}\n'))
  output.push(Buffer.from('no line end'))
  output.end()
  t.deepEqual(records, [
    { level: 'warn', fields: { stream: 'stderr' }, text: 'Traceback' },
    { level: 'info', fields: { stream: 'stderr', port: 1 }, text: 'up' },
    { level: 'warn', fields: { stream: 'stderr' }, text: 'no line end' },
  ])
})

test('output log: the agent\'s token does not reach the log', t => {
  const { output, records } = outputLog(t)
  output.push(Buffer.from('CALLBOARD_TOKEN=s3cret s3cret\n{"msg":"s3cret","env":{"T":"s3cret"}}\n'))
  t.deepEqual(records.map(record => record.text), ['CALLBOARD_TOKEN=[token] [token]', '[token]'])
  t.deepEqual(records[1]!.fields, { env: { T: '[token]' }, stream: 'stdout' })
})

test('output log: secrets are masked whatever stands in them', t => {
  const { output, records } = outputLog(t, 'stdout', { masks: [{ text: 'a$&b.*', shown: '[$& KEY]' }] })
  output.push(Buffer.from('it is a$&b.*, a$&b.*\n'))
  t.is(records[0]!.text, 'it is [$& KEY], [$& KEY]')
})

test('output log: lines below the level take nothing from the rate, and are not told as suppressed', t => {
  const { output, records } = outputLog(t, 'stdout', { level: 'warn' })
  output.push(Buffer.from(`${'plain\n'.repeat(100)}{"level":"warn","msg":"heard"}\n{"level":50,"msg":"loud"}\n`))
  t.deepEqual(records.map(({ level, text }) => [level, text]), [['warn', 'heard'], ['error', 'loud']])
})

test('output log: a flood is counted, the count is told within a second and before the next line', async t => {
  const { clock, output, records } = outputLog(t)
  output.push(Buffer.from('flood\n'.repeat(10_000)))
  t.is(records.length, 3)
  await clock.advance(1100)
  t.is(records.length, 4)
  t.is(records[3]!.level, 'warn')
  t.deepEqual(records[3]!.fields, { stream: 'stdout', suppressedLines: 9997 })
  // 1.1 s at 2 lines a second.
  output.push(Buffer.from('again\n'.repeat(5)))
  t.deepEqual(records.slice(4).map(record => record.text), ['again', 'again'])
  await clock.advance(600)
  output.push(Buffer.from('later\n'))
  t.deepEqual(records.slice(6).map(record => record.fields['suppressedLines'] ?? record.text), [3, 'later'])
  await clock.advance(10_000)
  t.is(records.length, 8)
  t.is(clock.pendingTimers, 0)
})

test('output log: what was suppressed at the end is told at the end', t => {
  const { output, records } = outputLog(t)
  output.push(Buffer.from('line\n'.repeat(5)))
  output.end()
  t.is(records.at(-1)!.fields['suppressedLines'], 2)
})

test('output log: the last lines have those too that are not logged, without secrets', t => {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, { onError: error => t.fail(String(error)) })
  const recent = new LastLines('lamp', () => 0)
  const output = new OutputLog({ stream: 'stderr', log: recordedLog(), clock, deadlines, secret: 's3cret', masks: [{ text: 'api-key-of-mine', shown: '[API_KEY]' }], rate: { burst: 1, perSecond: 1 }, recent })
  output.push(Buffer.from('one s3cret\n\ntwo api-key-of-mine\nthree'))
  output.end()
  t.deepEqual(recent.last(10).map(({ text, suppressed }) => [text, suppressed]), [['one [token]', undefined], ['two [API_KEY]', true], ['three', true]])
})

test('output log: a secret at which a line is cut does not stand at its end in part', t => {
  const { output, records } = outputLog(t)
  output.push(Buffer.from(`${'x'.repeat(MAX_LINE_BYTES - 5)}s3cret and more\n`))
  t.true(records[0]!.text.endsWith('xxx[token]'), records[0]!.text.slice(-20))
})
