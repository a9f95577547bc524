import test from 'ava'
import { Flow } from '../../client/flow.ts'

function flow(): { flow: Flow; states: boolean[] } {
  const states: boolean[] = []
  return { flow: new Flow(isPaused => states.push(isPaused)), states }
}

test('flow: stops above the limit and goes on at half of it', t => {
  const { flow: sample, states } = flow()
  const report = sample.gauge(10)
  for (const unread of [10, 11, 9, 6]) report(unread)
  t.deepEqual(states, [true])
  report(5)
  t.deepEqual(states, [true, false])
})

test('flow: one of several readers that is slow stops all', t => {
  const { flow: sample, states } = flow()
  const [first, second] = [sample.gauge(1), sample.gauge(1)]
  first(2)
  second(2)
  first(0)
  t.true(sample.isPaused)
  second(0)
  t.deepEqual(states, [true, false])
})

test('flow: reads on while an answer is awaited, up to sixteen times the limit', t => {
  const { flow: sample, states } = flow()
  const report = sample.gauge(10)
  report(11)
  const came = sample.await()
  t.deepEqual(states, [true, false])
  report(161)
  t.true(sample.isPaused)
  report(160)
  t.false(sample.isPaused)
  came()
  came()
  t.deepEqual(states, [true, false, true, false, true])
  const other = sample.await()
  t.false(sample.isPaused)
  other()
  t.true(sample.isPaused)
})
