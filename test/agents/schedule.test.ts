import test from 'ava'
import { Schedule } from '../../agents/schedule.ts'

/** The next `count` times after an instant, both in ISO form. */
function times(pattern: string, after: string, count: number, timeZone = 'Europe/Berlin'): string[] {
  const schedule = new Schedule('lamp', { pattern, timeZone })
  const found: string[] = []
  for (let ms = Date.parse(after); found.length < count; found.push(new Date(ms).toISOString())) ms = schedule.after(ms)!
  return found
}

test('schedule: five fields are minutes, six begin with seconds, and each time comes once', t => {
  t.deepEqual(times('*/30 * * * *', '2026-06-01T10:00:00Z', 3), ['2026-06-01T10:30:00.000Z', '2026-06-01T11:00:00.000Z', '2026-06-01T11:30:00.000Z'])
  t.deepEqual(times('15,45 * * * * *', '2026-06-01T10:00:15.500Z', 2), ['2026-06-01T10:00:45.000Z', '2026-06-01T10:01:15.000Z'])
  t.deepEqual(times('@daily', '2026-06-01T10:00:00Z', 1, 'UTC'), ['2026-06-02T00:00:00.000Z'])
})

test('schedule: a time that the clock jumps over in spring comes when it has jumped, one that comes twice in autumn once', t => {
  // 02:00 becomes 03:00 at 01:00 UTC.
  t.deepEqual(times('30 2 * * *', '2026-03-28T12:00:00Z', 2), ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'])
  // 03:00 becomes 02:00 at 01:00 UTC.
  t.deepEqual(times('30 2 * * *', '2026-10-24T12:00:00Z', 2), ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'])
})

test('schedule: what comes each hour comes each hour when clocks change', t => {
  t.deepEqual(times('0 * * * *', '2026-03-29T00:00:00Z', 2), ['2026-03-29T01:00:00.000Z', '2026-03-29T02:00:00.000Z'])
  t.deepEqual(times('0 * * * *', '2026-10-24T23:00:00Z', 3), ['2026-10-25T00:00:00.000Z', '2026-10-25T01:00:00.000Z', '2026-10-25T02:00:00.000Z'])
})

test('schedule: without a time zone it is that of the machine; what never comes is undefined, what is no pattern or zone refused', t => {
  t.is(new Schedule('lamp', { pattern: '0 0 * * *', timeZone: undefined }).timeZone, Intl.DateTimeFormat().resolvedOptions().timeZone)
  t.is(new Schedule('lamp', { pattern: '0 0 30 2 *', timeZone: 'UTC' }).after(0), undefined)
  t.throws(() => new Schedule('lamp', { pattern: '61 * * * *', timeZone: 'UTC' }), { code: 'agent.schedule', message: /"lamp".*minute: 61/ })
  t.throws(() => new Schedule('lamp', { pattern: '* * * * *', timeZone: 'Europe/Nowhere' }), { code: 'agent.schedule' })
})
