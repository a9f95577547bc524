import test, { type ExecutionContext } from 'ava'
import { Deadlines } from '../../../broker/ground/deadlines.ts'
import { Refusals } from '../../../broker/observe/refusals.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { RecordedAudit } from '../../support/recorded-audit.ts'
import { recordedLog, type RecordedLog } from '../../support/recorded-log.ts'

function setUp(t: ExecutionContext): { refusals: Refusals; audit: RecordedAudit; log: RecordedLog; clock: FakeClock; deadlines: Deadlines } {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, { onError: error => t.fail(String(error)) })
  const audit = new RecordedAudit()
  const log = recordedLog()
  return { refusals: new Refusals(audit, log, deadlines), audit, log, clock, deadlines }
}

test('refusals: ten of an address are written, the rest is one line with the codes', async t => {
  const { refusals, audit, log, clock } = setUp(t)
  for (let i = 0; i < 25; i++) refusals.record(`10.0.0.7:${i}`, i % 2 === 0 ? 'auth.failed' : 'auth.required', { connection: `conn-${i}` })
  refusals.record('10.0.0.8:1', 'auth.failed')
  t.is(audit.entries.length, 11)
  t.deepEqual(audit.take()[0], { action: 'connection.refused', who: '10.0.0.7:0', code: 'auth.failed', connection: 'conn-0' })
  await clock.advance(60_100)
  t.deepEqual(audit.take(), [{ action: 'connection.refused', who: '10.0.0.7', count: 15, codes: 'auth.failed 8, auth.required 7', periodMs: 60_000 }])
  t.like(log.records, [{ level: 'warn', fields: { address: '10.0.0.7', count: 15, codes: 'auth.failed 8, auth.required 7' }, text: '15 more were refused within a minute' }])
})

test('refusals: whoever writes beside the audit log hears whether to', t => {
  const { refusals } = setUp(t)
  t.deepEqual(Array.from({ length: 12 }, () => refusals.record('unix', 'auth.failed')), [...Array.from({ length: 10 }, () => true), false, false])
})

test('refusals: a minute without any leaves neither a line nor a timer', async t => {
  const { refusals, audit, clock, deadlines } = setUp(t)
  refusals.record('unix', 'auth.failed')
  await clock.advance(60_100)
  t.is(deadlines.size, 0)
  await clock.advance(600_000)
  t.is(audit.entries.length, 1)
})

test('refusals: IPv6 addresses are told apart from their ports', t => {
  const { refusals, audit } = setUp(t)
  for (const address of ['[::1]:1', '[::1]:2', 'unix', '::1']) for (let i = 0; i < 11; i++) refusals.record(address, 'auth.failed')
  refusals.close()
  t.deepEqual(audit.entries.filter(({ count }) => count !== undefined).map(({ who, count }) => [who, count]), [['[::1]', 12], ['unix', 1], ['::1', 1]])
})

test('refusals: a crowd of addresses takes bounded memory and a bounded number of lines', t => {
  const { refusals, audit } = setUp(t)
  for (let i = 0; i < 100_000; i++) refusals.record(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1`, 'auth.failed')
  t.is(audit.take().length, 1024)
  refusals.close()
  t.like(audit.take(), [{ who: 'others', count: 98_976, codes: 'auth.failed 98976' }])
})
