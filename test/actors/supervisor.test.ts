import test from 'ava'
import type { StartableActor } from '../../actors/startable-actor.ts'
import { Supervisor } from '../../actors/supervisor.ts'
import { actorEnvironment } from '../support/actor-environment.ts'
import { FakeChildren } from '../support/fake-child.ts'
import { settle } from '../support/fake-clock.ts'
import { supervise } from '../support/supervise.ts'

test('supervisor: starts its children in order and stops them in reverse, each after the one before is gone', async t => {
  const { supervisor, children, exits } = supervise({ a: {}, b: {}, c: {} })
  t.is(await supervisor.start(), 'ok')
  t.deepEqual(children.takeLog(), ['start a#1', 'start b#1', 'start c#1'])
  supervisor.stop()
  await settle()
  t.deepEqual(children.takeLog(), ['stop c', 'exit c', 'stop b', 'exit b', 'stop a', 'exit a'])
  t.deepEqual(exits, [{ kind: 'shutdown' }])
})

test('supervisor: bad specs are refused before anything starts', t => {
  const children = new FakeChildren()
  const specs = [children.spec('a'), children.spec('a')]
  t.throws(() => new Supervisor({ id: 'sup', strategy: 'oneForOne', children: specs, environment: actorEnvironment() }), { code: 'supervisor.bad_child_spec' })
  t.throws(() => new Supervisor({ id: 'sup', strategy: 'oneForOne', intensity: -1, children: [], environment: actorEnvironment() }), { code: 'supervisor.bad_child_spec' })
  t.throws(() => new Supervisor({ id: 'sup', strategy: 'oneForOne', children: [children.spec('a', { killMs: Infinity })], environment: actorEnvironment() }), { code: 'supervisor.bad_child_spec' })
  t.deepEqual(children.log, [])
})

for (const script of ['fail', 'throw'] as const) {
  test(`supervisor: a first start that ends in ${script} stops those before in reverse and ends the supervisor with that error`, async t => {
    const { supervisor, children, exits } = supervise({ a: {}, b: {}, c: {}, d: {} })
    children.nextStarts('c', script)
    const result = await supervisor.start()
    t.like(result, { kind: 'crash' })
    t.deepEqual(children.takeLog(), ['start a#1', 'start b#1', 'start c#1', ...(script === 'fail' ? ['exit c'] : []), 'stop b', 'exit b', 'stop a', 'exit a'])
    t.deepEqual(exits, [result])
  })
}

test('supervisor: a child with nothing to do is passed over; only a temporary one is forgotten', async t => {
  const { supervisor, children, tree } = supervise({ a: {}, b: { restart: 'temporary' }, c: {} })
  children.nextStarts('a', 'ignore')
  children.nextStarts('b', 'ignore')
  t.is(await supervisor.start(), 'ok')
  t.deepEqual(tree(), ['a#1 exited', 'c#1 run'])
})

test('supervisor: a child that does not come to run in time is killed and fails the start', async t => {
  const { supervisor, children, clock } = supervise({ a: {}, b: { startMs: 200 } })
  children.nextStarts('b', 'hang')
  const started = supervisor.start()
  await clock.advance(199)
  t.deepEqual(children.takeLog(), ['start a#1', 'start b#1'])
  await clock.advance(2)
  t.like(await started, { kind: 'crash', error: { code: 'actor.start_timeout' } })
  t.deepEqual(children.takeLog(), ['kill b', 'exit b', 'stop a', 'exit a'])
})

test('supervisor: a stop while a child starts interrupts that start', async t => {
  const { supervisor, children, exits } = supervise({ a: {}, b: { startMs: Infinity }, c: {} })
  children.nextStarts('b', 'hang')
  const started = supervisor.start()
  await settle()
  supervisor.stop()
  t.deepEqual(await started, { kind: 'shutdown' })
  t.deepEqual(children.takeLog(), ['start a#1', 'start b#1', 'stop b', 'exit b', 'stop a', 'exit a'])
  t.is(exits.length, 1)
})

test('supervisor: a child that does not stop in its time is killed, and the next waits for it', async t => {
  const { supervisor, children, clock, exits, environment } = supervise({ a: {}, b: { shutdownMs: 100 } })
  children.onStop('b', 'ignore')
  await supervisor.start()
  children.takeLog()
  supervisor.stop()
  await clock.advance(99)
  t.deepEqual(children.takeLog(), ['stop b'])
  await clock.advance(2)
  t.deepEqual(children.takeLog(), ['kill b', 'exit b', 'stop a', 'exit a'])
  t.deepEqual(exits, [{ kind: 'shutdown' }])
  t.like(environment.log.records.find(record => record.level === 'warn')?.fields, { child: 'b', error: { code: 'actor.killed' } })
})

test('supervisor: shutdownMs 0 kills without asking', async t => {
  const { supervisor, children } = supervise({ a: { shutdownMs: 0 } })
  await supervisor.start()
  children.takeLog()
  supervisor.stop()
  await settle()
  t.deepEqual(children.takeLog(), ['kill a', 'exit a'])
})

test('supervisor: a child that survives its kill is left behind, so that the rest can end', async t => {
  const { supervisor, children, clock, exits } = supervise({ a: {}, b: {} })
  children.onStop('b', 'immortal')
  await supervisor.start()
  children.takeLog()
  supervisor.stop()
  await clock.advance(10_002)
  t.deepEqual(children.takeLog(), ['stop b', 'kill b', 'stop a', 'exit a'])
  t.deepEqual(exits, [{ kind: 'shutdown' }])
})

test('supervisor: a child that needs longer once it was killed has the time that it says', async t => {
  const { supervisor, children, clock, exits } = supervise({ a: { killMs: 7000 } })
  children.onStop('a', 'immortal')
  await supervisor.start()
  supervisor.stop()
  await clock.advance(5000 + 6999)
  t.deepEqual(exits, [])
  await clock.advance(20)
  t.deepEqual(exits, [{ kind: 'shutdown' }])
})

test('supervisor: a kill kills all children at once and waits until they are gone', async t => {
  const { supervisor, children, exits } = supervise({ a: {}, b: {}, c: {} })
  children.onStop('b', 'ignore')
  await supervisor.start()
  children.takeLog()
  supervisor.kill()
  await settle()
  t.deepEqual(children.takeLog(), ['kill a', 'exit a', 'kill b', 'exit b', 'kill c', 'exit c'])
  t.deepEqual(exits, [{ kind: 'killed' }])
})

test('supervisor: a kill during an orderly stop cuts the waiting short', async t => {
  const { supervisor, children, clock, exits } = supervise({ a: {}, b: {} })
  children.onStop('b', 'ignore')
  await supervisor.start()
  supervisor.stop()
  await clock.advance(10)
  children.takeLog()
  supervisor.kill()
  await settle()
  t.deepEqual(children.takeLog().toSorted(), ['exit a', 'exit b', 'kill a', 'kill b'])
  t.deepEqual(exits, [{ kind: 'killed' }])
})

test('supervisor: a planned restart stops in reverse, starts in order, counts no failure and keeps those added later', async t => {
  const { supervisor, children, tree } = supervise({ a: {}, b: { restart: 'temporary' } }, { intensity: 0 })
  await supervisor.start()
  await supervisor.startChild(children.spec('c'))
  children.takeLog()
  t.true(supervisor.restart())
  await settle()
  t.deepEqual(children.takeLog(), ['stop c', 'exit c', 'stop b', 'exit b', 'stop a', 'exit a', 'start a#2', 'start b#2', 'start c#2'])
  t.deepEqual(tree(), ['a#2 run', 'b#2 run', 'c#2 run'])
})

test('supervisor: as a child of another it is stopped without a limit and its crash is seen above', async t => {
  const environment = actorEnvironment()
  const children = new FakeChildren()
  const inner = (): Supervisor => new Supervisor({ id: 'inner', strategy: 'oneForOne', intensity: 0, environment, children: [children.spec('leaf', { shutdownMs: 60_000 })] })
  const outer = new Supervisor({ id: 'outer', strategy: 'oneForAll', environment, children: [{ id: 'inner', kind: 'supervisor', restart: 'permanent', create: inner }, children.spec('other')] })
  await outer.start()
  children.takeLog()
  children.exit('leaf', { kind: 'crash', error: new Error('leaf') })
  await settle()
  t.deepEqual(children.takeLog(), ['exit leaf', 'stop other', 'exit other', 'start leaf#1', 'start other#2'])
  t.deepEqual(
    outer.info().children.map(child => [child.id, child.incarnation, child.restarts, child.children.map(leaf => leaf.id)]),
    [['inner', 2, 1, ['leaf']], ['other', 2, 1, []]],
  )
  children.onStop('leaf', 'ignore')
  t.true((outer.find('inner') as Supervisor).restart())
  await settle()
  children.takeLog()
  outer.stop()
  await environment.clock.advance(59_999)
  t.deepEqual(children.takeLog(), ['stop other', 'exit other', 'stop leaf'])
  await environment.clock.advance(2)
  t.deepEqual(children.takeLog(), ['kill leaf', 'exit leaf'])
  t.is(outer.info().phase, 'exited')
})

test('supervisor: the late end of a child that was left behind says nothing about its successor', async t => {
  const { supervisor, children, clock, tree } = supervise({ a: {} })
  const actors: StartableActor[] = []
  const spec = children.spec('b')
  await supervisor.start()
  children.onStop('b', 'immortal')
  await supervisor.startChild({ ...spec, create: incarnation => actors[actors.push(spec.create(incarnation)) - 1]! })
  const stopped = supervisor.stopChild('b')
  await clock.advance(10_002)
  await stopped
  await supervisor.restartChild('b')
  actors[0]!.onExit?.({ kind: 'crash', error: new Error('late') }, actors[0]!)
  await settle()
  t.deepEqual(tree(), ['a#1 run', 'b#2 run'])
})

test('supervisor: a kill from above waits for the children of a supervisor below, past the time it had to stop', async t => {
  const environment = actorEnvironment()
  const children = new FakeChildren()
  children.onStop('leaf', 'immortal')
  const inner = (): Supervisor => new Supervisor({ id: 'inner', strategy: 'oneForOne', environment, children: [children.spec('leaf')] })
  const outer = new Supervisor({ id: 'outer', strategy: 'oneForOne', environment, children: [{ id: 'inner', kind: 'supervisor', restart: 'permanent', shutdownMs: 100, create: inner }] })
  await outer.start()
  outer.stop()
  await environment.clock.advance(50)
  outer.kill()
  await environment.clock.advance(4999)
  t.is(outer.info().phase, 'terminate')
  await environment.clock.advance(2)
  t.is(outer.info().phase, 'exited')
  t.deepEqual(environment.log.records.filter(record => record.level === 'error').map(record => record.fields['child']), ['leaf'])
})

test('supervisor: one that fails to start restarts nobody that ended meanwhile', async t => {
  const { supervisor, children, exits } = supervise({ a: {}, b: {} }, { intensity: 0 })
  children.nextStarts('a', 'brief')
  children.nextStarts('b', 'throw')
  t.like(await supervisor.start(), { kind: 'crash', error: { message: 'internal.error: internal error: b cannot be made' } })
  t.deepEqual(children.takeLog(), ['start a#1', 'exit a', 'start b#1'])
  t.is(exits.length, 1)
})

test('supervisor: nothing is left on the clock after its end', async t => {
  const { supervisor, children, clock, environment } = supervise({ a: { backoff: { initialMs: 100, maxMs: 100, multiplier: 1, jitter: 0 } }, b: {} })
  await supervisor.start()
  children.exit('a', { kind: 'normal' })
  await settle()
  t.is(environment.deadlines.size, 1)
  supervisor.stop()
  await settle()
  t.is(supervisor.info().phase, 'exited')
  t.is(environment.deadlines.size, 0)
  await clock.advance(200)
  t.deepEqual(children.running, [])
})
