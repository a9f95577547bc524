import test from 'ava'
import { exits } from '../support/fake-child.ts'
import { settle } from '../support/fake-clock.ts'
import { supervise } from '../support/supervise.ts'

const backoff = { initialMs: 100, maxMs: 1000, multiplier: 2, jitter: 0 }

test('supervisor backoff: the delay doubles with each failure in a row', async t => {
  const { supervisor, children, clock, tree } = supervise({ a: { backoff } })
  await supervisor.start()
  for (const [failures, delayMs] of [100, 200, 400, 800, 1000, 1000].entries()) {
    children.exit('a', exits.crash)
    await clock.advance(delayMs - 1)
    t.deepEqual(tree(), [`a#${failures + 1} create`])
    await clock.advance(2)
    t.deepEqual(tree(), [`a#${failures + 2} run`])
  }
})

test('supervisor backoff: a failed start makes the next delay longer, like a crash', async t => {
  const { supervisor, children, clock } = supervise({ a: { backoff } })
  await supervisor.start()
  children.nextStarts('a', 'fail')
  children.exit('a', exits.crash)
  await clock.advance(101)
  t.deepEqual(children.takeLog(), ['start a#1', 'exit a', 'start a#2', 'exit a'])
  await clock.advance(198)
  t.deepEqual(children.takeLog(), [])
  await clock.advance(2)
  t.deepEqual(children.takeLog(), ['start a#3'])
})

test('supervisor backoff: a run of steadyMs makes the delay short again, a shorter one does not', async t => {
  const { supervisor, children, clock } = supervise({ a: { backoff, steadyMs: 5000 } })
  const restartAfter = async (runMs: number, delayMs: number): Promise<void> => {
    await clock.advance(runMs)
    children.exit('a', exits.crash)
    await clock.advance(delayMs - 1)
    t.deepEqual(children.running, [])
    await clock.advance(2)
    t.deepEqual(children.running, ['a'])
  }
  await supervisor.start()
  await restartAfter(0, 100)
  await restartAfter(4990, 200)
  await restartAfter(5000, 100)
})

test('supervisor backoff: the jitter takes off the share that chance says', async t => {
  const { supervisor, children, clock } = supervise({ a: { backoff: { ...backoff, jitter: 0.5 } } }, { random: () => 0.4 })
  await supervisor.start()
  children.exit('a', exits.crash)
  await clock.advance(69)
  t.deepEqual(children.running, [])
  await clock.advance(2)
  t.deepEqual(children.running, ['a'])
})

test('supervisor backoff: while one waits the others are served, and the tree tells of it', async t => {
  const { supervisor, children, clock, tree } = supervise({ a: { backoff }, b: {} })
  await supervisor.start()
  children.exit('a', exits.crash)
  await settle()
  t.is(supervisor.info().detail, 'oneForOne, 1 to restart')
  t.deepEqual(supervisor.info().children[0], { id: 'a', kind: 'agent', phase: 'create', incarnation: 1, restarts: 0, ageMs: 0, mailbox: 0, detail: 'crash', children: [] })
  children.exit('b', exits.crash)
  await settle()
  await supervisor.startChild(children.spec('c'))
  t.deepEqual(tree(), ['a#1 create', 'b#2 run', 'c#1 run'])
  await clock.advance(101)
  t.deepEqual(tree(), ['a#2 run', 'b#2 run', 'c#1 run'])
  t.is(supervisor.info().detail, 'oneForOne')
})

test('supervisor backoff: a group is stopped at once and started together after the delay', async t => {
  const { supervisor, children, clock, tree } = supervise({ a: {}, b: { backoff }, c: {} }, { strategy: 'restForOne' })
  await supervisor.start()
  children.takeLog()
  children.exit('b', exits.crash)
  await settle()
  t.deepEqual(children.takeLog(), ['exit b', 'stop c', 'exit c'])
  t.deepEqual(tree(), ['a#1 run', 'b#1 create', 'c#1 create'])
  await clock.advance(101)
  t.deepEqual(children.takeLog(), ['start b#2', 'start c#2'])
})

test('supervisor backoff: a sibling that fails meanwhile joins those that wait, and none starts before its time', async t => {
  const { supervisor, children, clock } = supervise({ a: { backoff }, b: { backoff: { ...backoff, initialMs: 500 } }, c: {} }, { strategy: 'restForOne' })
  await supervisor.start()
  children.exit('b', exits.crash)
  await clock.advance(100)
  children.takeLog()
  children.exit('a', exits.crash)
  await settle()
  t.deepEqual(children.takeLog(), ['exit a'])
  await clock.advance(399)
  t.deepEqual(children.takeLog(), [])
  await clock.advance(2)
  t.deepEqual(children.takeLog(), ['start a#2', 'start b#2', 'start c#2'])
})

test('supervisor backoff: a stopped child is not restarted when its time comes, the rest of its group is', async t => {
  const { supervisor, children, clock, tree } = supervise({ a: { backoff }, b: {}, c: {} }, { strategy: 'oneForAll' })
  await supervisor.start()
  children.exit('a', exits.crash)
  await settle()
  await supervisor.stopChild('a')
  await clock.advance(101)
  t.deepEqual(tree(), ['a#1 exited', 'b#2 run', 'c#2 run'])
  t.is(supervisor.info().detail, 'oneForAll')
})

test('supervisor backoff: any number of restarts is borne where the intensity is infinite', async t => {
  const { supervisor, children, clock } = supervise({ a: { backoff } }, { intensity: Infinity })
  await supervisor.start()
  for (let crash = 0; crash < 50; crash++) {
    children.exit('a', exits.crash)
    await clock.advance(1001)
  }
  t.deepEqual(children.running, ['a'])
})

test('supervisor backoff: a delay that ends before its turn came does not count when a sibling failed before that', async t => {
  const { supervisor, children, clock } = supervise({ a: { backoff: { ...backoff, initialMs: 500 } }, b: { backoff } }, { strategy: 'restForOne' })
  await supervisor.start()
  children.exit('b', exits.crash)
  await clock.advance(50)
  // A start that hangs holds up every turn: first the crash of a, then the end of b's delay.
  children.nextStarts('z', 'hang')
  const started = supervisor.startChild(children.spec('z'))
  await settle()
  children.exit('a', exits.crash)
  await clock.advance(100)
  const stopped = supervisor.stopChild('z')
  await t.throwsAsync(started, { code: 'actor.ended' })
  await stopped
  children.takeLog()
  await clock.advance(499)
  t.deepEqual(children.takeLog(), [])
  await clock.advance(2)
  t.deepEqual(children.takeLog(), ['start a#2', 'start b#2'])
})

test('supervisor backoff: a start that somebody asks for makes the delay short again', async t => {
  const { supervisor, children, clock } = supervise({ a: { backoff } })
  await supervisor.start()
  for (const delayMs of [100, 200]) {
    children.exit('a', exits.crash)
    await clock.advance(delayMs)
  }
  await supervisor.stopChild('a')
  await supervisor.restartChild('a')
  children.exit('a', exits.crash)
  await clock.advance(101)
  t.deepEqual(children.running, ['a'])
})
