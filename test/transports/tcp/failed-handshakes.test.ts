import test from 'ava'
import { Deadlines } from '../../../broker/ground/deadlines.ts'
import { FailedHandshakes } from '../../../transports/tcp/failed-handshakes.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { recordedLog } from '../../support/recorded-log.ts'

test('failed handshakes: ten of a minute are written with what was wrong, the rest as a count', async t => {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, { onError: error => t.fail(String(error)) })
  const log = recordedLog()
  const failed = new FailedHandshakes(log, deadlines)
  for (let i = 0; i < 25; i++) failed.add(`problem ${i}`)
  t.deepEqual(log.records.map(({ fields }) => fields['problem']), Array.from({ length: 10 }, (_, i) => `problem ${i}`))
  await clock.advance(60_100)
  t.like(log.records.at(-1), { level: 'warn', fields: { count: 15 }, text: '15 more TLS handshakes failed within a minute' })
  failed.add('later')
  t.like(log.records.at(-1), { fields: { problem: 'later' } }, 'the next minute begins anew')
  await clock.advance(60_100)
  t.is(log.records.length, 12, 'and of a few there is no count')
  t.is(deadlines.size, 0)
})
