import test from 'ava'
import { errorCode } from '../support/error-code.ts'
import { exits } from '../support/fake-child.ts'
import { settle } from '../support/fake-clock.ts'
import { supervise } from '../support/supervise.ts'

test('supervisor children: one added later is started, found, and stopped first', async t => {
  const { supervisor, children } = supervise({ a: {} })
  await supervisor.start()
  const actor = await supervisor.startChild(children.spec('b'))
  t.is(actor?.id, 'b')
  t.is(supervisor.find('b'), actor)
  t.is(supervisor.find('nobody'), undefined)
  children.takeLog()
  supervisor.stop()
  await settle()
  t.deepEqual(children.takeLog(), ['stop b', 'exit b', 'stop a', 'exit a'])
})

test('supervisor children: one that fails to start is not kept and harms nobody', async t => {
  const { supervisor, children, tree } = supervise({ a: {} }, { intensity: 0 })
  await supervisor.start()
  children.nextStarts('b', 'fail')
  await t.throwsAsync(supervisor.startChild(children.spec('b')), { message: 'b failed to start' })
  t.deepEqual(tree(), ['a#1 run'])
  t.is((await supervisor.startChild(children.spec('b')))?.id, 'b')
})

test('supervisor children: a spec that is wrong, or an id that is taken, is refused', async t => {
  const { supervisor, children, tree } = supervise({ a: {} })
  await supervisor.start()
  await t.throwsAsync(supervisor.startChild(children.spec('a')), { code: 'supervisor.bad_child_spec', message: /another child has that id/ })
  await t.throwsAsync(supervisor.startChild(children.spec('b', { startMs: -1 })), { code: 'supervisor.bad_child_spec' })
  t.deepEqual(tree(), ['a#1 run'])
})

test('supervisor children: one with nothing to do is kept unless it is temporary', async t => {
  const { supervisor, children, tree } = supervise({})
  await supervisor.start()
  for (const restart of ['permanent', 'temporary'] as const) {
    children.nextStarts(restart, 'ignore')
    t.is(await supervisor.startChild(children.spec(restart, { restart })), undefined)
  }
  t.deepEqual(tree(), ['permanent#1 exited'])
})

test('supervisor children: one that was stopped stays down, is not restarted, and can be started again', async t => {
  const { supervisor, tree } = supervise({ a: {}, b: {} })
  await supervisor.start()
  await supervisor.stopChild('a')
  t.deepEqual(tree(), ['a#1 exited', 'b#1 run'])
  t.is(supervisor.find('a'), undefined)
  t.is((await supervisor.restartChild('a'))?.id, 'a')
  t.deepEqual(tree(), ['a#2 run', 'b#1 run'])
  t.is(supervisor.info().children[0]?.restarts, 0)
})

test('supervisor children: only one that is down can be started again', async t => {
  const { supervisor, children } = supervise({ a: {}, b: { backoff: { initialMs: 100, maxMs: 100, multiplier: 1, jitter: 0 } } })
  await supervisor.start()
  await t.throwsAsync(supervisor.restartChild('a'), { code: 'supervisor.child_busy', message: /"a" is running/ })
  children.exit('b', exits.crash)
  await settle()
  await t.throwsAsync(supervisor.restartChild('b'), { code: 'supervisor.child_busy', message: /"b" is waiting/ })
  await supervisor.stopChild('b')
  t.is((await supervisor.restartChild('b'))?.id, 'b')
})

test('supervisor children: a start that fails again rejects and leaves the child down', async t => {
  const { supervisor, children, tree } = supervise({ a: {} }, { intensity: 0 })
  await supervisor.start()
  await supervisor.stopChild('a')
  children.nextStarts('a', 'fail')
  await t.throwsAsync(supervisor.restartChild('a'), { message: 'a failed to start' })
  t.deepEqual(tree(), ['a#2 exited'])
})

test('supervisor children: a temporary one is forgotten when it is stopped, any when it is removed', async t => {
  const { supervisor, tree } = supervise({ a: {}, b: { restart: 'temporary' }, c: {} })
  await supervisor.start()
  await supervisor.stopChild('b')
  await supervisor.removeChild('c')
  t.deepEqual(tree(), ['a#1 run'])
})

test('supervisor children: an unknown id is told by name', async t => {
  const { supervisor } = supervise({})
  await supervisor.start()
  for (const call of [() => supervisor.stopChild('x'), () => supervisor.removeChild('x'), () => supervisor.restartChild('x')]) {
    await t.throwsAsync(call, { code: 'supervisor.unknown_child', message: /"sup" has no child "x"/ })
  }
})

test('supervisor children: stopping one that hangs in its start interrupts that', async t => {
  const { supervisor, children, tree } = supervise({})
  await supervisor.start()
  children.nextStarts('a', 'hang')
  const started = supervisor.startChild(children.spec('a', { startMs: Infinity }))
  await settle()
  const stopped = supervisor.stopChild('a')
  await t.throwsAsync(started, { code: 'actor.ended' })
  await stopped
  t.deepEqual(tree(), [])
  t.deepEqual(children.takeLog(), ['start a#1', 'stop a', 'exit a'])
})

test('supervisor children: nothing is begun for a supervisor that does not run, or that was stopped before its turn came', async t => {
  const { supervisor, children, clock } = supervise({ a: {} })
  await t.throwsAsync(supervisor.startChild(children.spec('b')), { code: 'actor.ended' })
  children.onStop('a', 'ignore')
  await supervisor.start()
  const stopped = supervisor.stopChild('a')
  const late = supervisor.startChild(children.spec('b'))
  await settle()
  supervisor.stop()
  await Promise.all([clock.advance(5001), stopped, t.throwsAsync(late, { code: 'actor.ended' })])
  t.deepEqual(children.takeLog(), ['start a#1', 'stop a', 'kill a', 'exit a'])
  t.is(supervisor.info().phase, 'exited')
})

test('supervisor children: one that crashes while it is stopped is gone all the same, and it is told', async t => {
  const { supervisor, children, environment, tree } = supervise({ a: {} })
  children.onStop('a', 'ignore')
  await supervisor.start()
  const stopped = supervisor.stopChild('a')
  await settle()
  children.exit('a', exits.crash)
  await stopped
  t.deepEqual(tree(), ['a#1 exited'])
  t.is(environment.log.records.filter(record => record.text === 'child crashed while it was stopped').length, 1)
})

test('supervisor children: the tree lists no more than asked and says how many there are', async t => {
  const { supervisor } = supervise({ a: {}, b: {}, c: {} })
  await supervisor.start()
  t.deepEqual([supervisor.info(2).children.map(child => child.id), supervisor.info(2).childCount], [['a', 'b'], 3])
  t.deepEqual([supervisor.info(3).children.length, supervisor.info(3).childCount], [3, undefined])
  t.deepEqual([supervisor.info(0).children.length, supervisor.info(0).childCount], [0, 3])
})

test('supervisor children: a deferred one waits until it is started, stays known when it ended, and can be started again', async t => {
  const { supervisor, children, tree } = supervise({ a: {}, b: { restart: 'temporary', isDeferred: true } })
  await supervisor.start()
  t.deepEqual(tree(), ['a#1 run', 'b#0 exited'])
  await supervisor.restartChild('b')
  t.is(await errorCode(supervisor.restartChild('b')), 'supervisor.child_busy')
  children.exit('b', exits.crash)
  await settle()
  t.deepEqual(tree(), ['a#1 run', 'b#1 exited'])
  await supervisor.restartChild('b')
  await supervisor.stopChild('b')
  await supervisor.restartChild('b')
  t.deepEqual(tree(), ['a#1 run', 'b#3 run'])
})

test('supervisor children: when its group is restarted, a deferred one that is down stays so', async t => {
  const { supervisor, children, tree } = supervise({ a: {}, b: { restart: 'transient', isDeferred: true }, c: {} }, { strategy: 'oneForAll' })
  await supervisor.start()
  children.exit('a', exits.crash)
  await settle()
  t.deepEqual(tree(), ['a#2 run', 'b#0 exited', 'c#2 run'])
  await supervisor.restartChild('b')
  children.exit('c', exits.crash)
  await settle()
  t.deepEqual(tree(), ['a#3 run', 'b#2 run', 'c#3 run'])
})

test('supervisor children: a deferred one in quarantine is not started at its time, but by name', async t => {
  const { supervisor, children, tree } = supervise({ b: { restart: 'transient', isDeferred: true, intensity: 0 } })
  await supervisor.start()
  await supervisor.startDeferred('b')
  children.exit('b', exits.crash)
  await settle()
  t.is(await errorCode(supervisor.startDeferred('b')), 'supervisor.child_busy')
  await supervisor.restartChild('b')
  t.deepEqual(tree(), ['b#2 run'])
  children.exit('b', exits.normal)
  await settle()
  await supervisor.startDeferred('b')
  t.deepEqual(tree(), ['b#3 run'])
})
