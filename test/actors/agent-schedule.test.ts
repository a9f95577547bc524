import test from 'ava'
import { AgentSchedule } from '../../actors/agent-schedule.ts'
import { Schedule } from '../../agents/schedule.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { recordedLog } from '../support/recorded-log.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** A clock whose wall time can be set, as by NTP or an operator. */
class SettableClock extends FakeClock {
  setMs = 0

  override wallMs(): number {
    return super.wallMs() + this.setMs
  }
}

function scheduled(pattern: string) {
  const clock = new SettableClock()
  // On the hour, for the reader.
  clock.setMs = HOUR - (clock.wallMs() % HOUR)
  const beginMs = clock.wallMs()
  const log = recordedLog()
  const environment = { clock, log, deadlines: new Deadlines(clock, { tickMs: 1, onError: error => log.error({ error }, 'a deadline failed') }) }
  const starts: number[] = []
  const state = { problem: undefined as BrokerError | undefined }
  const settings = { pattern, timeZone: 'UTC' }
  const start = async (): Promise<void> => {
    if (state.problem !== undefined) throw state.problem
    starts.push(clock.wallMs() - beginMs)
  }
  const schedule = new AgentSchedule({ id: 'lamp', settings, schedule: new Schedule('lamp', settings), environment, start })
  return { clock, log, starts, state, schedule, info: () => ({ ...schedule.info(), next: schedule.info().next! - beginMs }) }
}

test('agent schedule: starts at each time, within 20 ms, and tells the next and the last', async t => {
  const { clock, starts, info, log } = scheduled('*/5 * * * *')
  t.deepEqual(info(), { pattern: '*/5 * * * *', timeZone: 'UTC', next: 5 * MINUTE, skipped: 0 })
  await clock.advance(15 * MINUTE + SECOND)
  t.deepEqual(starts.map(ms => Math.floor(ms / 20) * 20), [5 * MINUTE, 10 * MINUTE, 15 * MINUTE])
  t.like(info(), { next: 20 * MINUTE })
  t.is(info().last! % HOUR, starts[2]!)
  t.is(log.records.filter(({ text }) => text === 'started by its schedule').length, 3)
})

test('agent schedule: a time at which it still runs is passed over, counted and told', async t => {
  const { clock, starts, state, info, log } = scheduled('*/5 * * * *')
  state.problem = new BrokerError('supervisor.child_busy', { child: 'agent.lamp', state: 'running' })
  await clock.advance(10 * MINUTE + SECOND)
  state.problem = undefined
  await clock.advance(5 * MINUTE)
  t.is(starts.length, 1)
  t.like(info(), { skipped: 2, next: 20 * MINUTE })
  t.deepEqual(log.records.filter(({ level }) => level === 'warn').map(({ fields }) => fields), [{ agent: 'lamp', skipped: 1, state: 'running' }, { agent: 'lamp', skipped: 2, state: 'running' }])
})

test('agent schedule: a start that fails is told, and the next time comes', async t => {
  const { clock, starts, state, log } = scheduled('*/5 * * * *')
  state.problem = new BrokerError('agent.failed', { agent: 'lamp', problem: 'is broken' })
  await clock.advance(5 * MINUTE + SECOND)
  t.regex(String(log.records.find(({ level }) => level === 'error')?.fields['problem']), /is broken/)
  state.problem = undefined
  await clock.advance(5 * MINUTE)
  t.is(starts.length, 1)
})

test('agent schedule: what passed while the machine slept is one start, late', async t => {
  const { clock, starts } = scheduled('*/5 * * * *')
  clock.oversleep(33 * MINUTE)
  await clock.advance(0)
  t.deepEqual(starts, [33 * MINUTE])
  await clock.advance(2 * MINUTE + SECOND)
  t.is(starts.length, 2)
})

test('agent schedule: a clock that is set ahead is noticed within half a minute', async t => {
  const { clock, starts } = scheduled('0 12 * * *')
  clock.setMs += 24 * HOUR
  await clock.advance(30 * SECOND + 20)
  t.is(starts.length, 1)
})

test('agent schedule: a clock that is set back a little brings no time twice; one that was far off begins anew', async t => {
  const { clock, starts } = scheduled('0 * * * *')
  await clock.advance(HOUR + SECOND)
  t.is(starts.length, 1)
  clock.setMs -= 30 * MINUTE
  await clock.advance(31 * MINUTE)
  t.is(starts.length, 1, 'the same hour again')
  await clock.advance(HOUR)
  t.is(starts.length, 2)
  clock.setMs -= 1000 * HOUR
  await clock.advance(HOUR)
  t.is(starts.length, 3)
})

test('agent schedule: ended, it starts nothing', async t => {
  const { clock, schedule, starts } = scheduled('*/5 * * * *')
  schedule.end()
  await clock.advance(HOUR)
  t.deepEqual(starts, [])
})
