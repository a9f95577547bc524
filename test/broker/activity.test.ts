import test from 'ava'
import { Activity } from '../../broker/activity.ts'

test('activity: a look that finds nothing done changes nothing', t => {
  const activity = new Activity(100)
  activity.look(1100, 5)
  t.is(activity.sinceMs, 1100)
  activity.look(2100, 5)
  t.is(activity.sinceMs, 1100)
})

test('activity: only the answer to a question is a round trip', t => {
  const activity = new Activity(0)
  t.true(activity.isUnasked)
  activity.ponged(10)
  t.is(activity.rttMicros, undefined)
  activity.pinged(20)
  t.false(activity.isUnasked)
  activity.pinged(21)
  activity.ponged(21.25)
  t.is(activity.rttMicros, 1250, 'counted from the first ping')
  activity.ponged(99)
  t.is(activity.rttMicros, 1250)
})

test('activity: who waits for the answer to a ping is not told by the answer to an earlier one', t => {
  const activity = new Activity(0)
  const told: string[] = []
  const ping = (name: string): (() => void) => {
    activity.pinged(1)
    return activity.awaitLast(() => told.push(name))
  }
  activity.pinged(1)
  ping('first')
  const forget = ping('forgotten')
  ping('third')
  forget()
  activity.ponged(2)
  t.deepEqual(told, [])
  activity.ponged(2)
  t.deepEqual(told, ['first'])
  activity.ponged(2)
  activity.ponged(2)
  t.deepEqual(told, ['first', 'third'])
  // More answers than questions are no credit.
  activity.ponged(2)
  ping('fourth')
  t.deepEqual(told, ['first', 'third'])
  activity.relinked()
  ping('fifth')
  activity.ponged(3)
  t.deepEqual(told, ['first', 'third', 'fifth'])
})
