import test from 'ava'
import { QueueHistory } from '../../../broker/observe/queue-history.ts'

class Clock {
  micros = 1_000_000
  readonly history = new QueueHistory(() => this.micros)
}

test('queue history: messages to which the same happened at about the same time are one entry, found one by one', t => {
  const clock = new Clock()
  const { history } = clock
  history.kept(5, 17, 100, 1, 3, false)
  clock.micros += 500
  history.kept(5, 17, 103, 4, 2, false)
  t.deepEqual(history.whereIs(17, 104), [{ queue: 5, position: 5, isDuplicate: false, timeMicros: 1_000_000 }], 'the time is that of the entry')
  t.deepEqual(history.whereIs(17, 105), [])
  t.deepEqual(history.whereIs(18, 101), [])
  clock.micros += 1000
  history.kept(5, 17, 105, 6, 1, false)
  t.is(history.whereIs(17, 105)[0]!.timeMicros, 1_001_500, 'later it is another entry')
})

test('queue history: events of a position come oldest first, between those of others', t => {
  const clock = new Clock()
  const { history } = clock
  history.kept(5, 17, 1, 1, 10, false)
  history.add('leased', 5, 1, 4, 1, 30)
  history.add('leased', 5, 5, 4, 1, 31)
  history.add('leased', 6, 3, 1, 1, 30)
  history.happened(5, { position: 3, event: 'retry', attempt: 1, reason: 'ack wait over' })
  history.add('leased', 5, 3, 1, 2, 31)
  history.add('acked', 5, 3, 1, 2, 31)
  t.deepEqual(history.of(5, 3).map(({ event, attempt, connection, reason }) => [event, attempt, connection, reason]), [
    ['stored', 0, 0, undefined],
    ['leased', 1, 30, undefined],
    ['retry', 1, 0, 'ack wait over'],
    ['leased', 2, 31, undefined],
    ['acked', 2, 31, undefined],
  ])
  t.deepEqual(history.of(5, 6).map(({ event, connection }) => [event, connection]), [['stored', 0], ['leased', 31]])
})

test('queue history: it forgets the oldest, and goes on with nothing that it has forgotten', t => {
  const clock = new Clock()
  const { history } = clock
  history.kept(5, 17, 1, 1, 1, true)
  for (let i = 0; i < 65_536; i++) {
    clock.micros += 2000
    history.add('leased', 5, i * 2 + 10, 1, 1, 30)
  }
  t.deepEqual(history.whereIs(17, 1), [])
  history.kept(5, 17, 2, 2, 1, true)
  t.deepEqual(history.whereIs(17, 2).map(({ position, isDuplicate }) => [position, isDuplicate]), [[2, true]])
})
