import test from 'ava'
import { setup } from 'xstate'
import { Actor, type SignalOf } from '../../actors/actor.ts'
import type { ActorScope, Behaviour } from '../../actors/behaviour.ts'
import type { ExitReason } from '../../broker/ground/types.ts'
import { agentMachine } from '../../machines/agent.ts'
import { connectionMachine } from '../../machines/connection.ts'
import { endInOrder, phases, type EventOf, type LifecycleEvent } from '../../machines/lifecycle.ts'
import { actorEnvironment } from '../support/actor-environment.ts'
import { settle } from '../support/fake-clock.ts'

type AgentSignal = SignalOf<typeof agentMachine>

/** An agent actor, the scopes that its behaviour was given, and what happened to it in order. */
function agent(behaviour: Partial<Behaviour<AgentSignal>> = {}) {
  const environment = actorEnvironment()
  const events: string[] = []
  const scopes: ActorScope<AgentSignal>[] = []
  const { init, ...rest } = behaviour
  const actor = new Actor({
    id: 'agent.test',
    kind: 'agent',
    machine: agentMachine,
    environment,
    behaviour: {
      init(scope) {
        scopes.push(scope)
        events.push(`init ${scopes.length}`)
        const round = scopes.length
        scope.defer(() => void events.push(`release ${round}`))
        return init?.(scope)
      },
      detail: state => `in ${state}`,
      ...rest,
    },
  })
  actor.onExit = (reason, who) => events.push(`exit ${reason.kind}${who === actor ? '' : ' of another'}`)
  const [run, current] = [() => actor.start(), () => scopes.at(-1)!]
  return { actor, environment, events, run, current, errors: () => environment.log.records.filter(record => record.level !== 'debug') }
}

const never = new Promise<void>(() => {})
const boom = new Error('boom')

test('actor: start runs init and resolves when it runs', async t => {
  const { actor, run, events } = agent()
  t.is(actor.state, 'create')
  t.is(await run(), 'ok')
  t.is(actor.state, 'run.detached')
  t.deepEqual(events, ['init 1'])
})

test('actor: a stop drains, releases, and only then reports shutdown', async t => {
  const drained = Promise.withResolvers<void>()
  const { actor, run, current, events } = agent({ drain: () => drained.promise })
  await run()
  const slow = Promise.withResolvers<void>()
  current().defer(() => slow.promise.then(() => void events.push('slow release')))
  actor.stop()
  await settle()
  t.is(actor.state, 'terminate.draining')
  t.false(current().signal.aborted)
  drained.resolve()
  await settle()
  t.is(actor.state, 'terminate.releasing')
  t.true(current().signal.aborted)
  t.deepEqual(events, ['init 1'])
  slow.resolve()
  await settle()
  t.deepEqual(events, ['init 1', 'slow release', 'release 1', 'exit shutdown'])
  t.is(actor.state, 'exited')
})

test('actor: work that is done ends it as normal', async t => {
  const { run, current, events } = agent()
  await run()
  current().finish()
  await settle()
  t.deepEqual(events, ['init 1', 'release 1', 'exit normal'])
})

test('actor: a crash in run releases everything and reports the error', async t => {
  const { actor, run, current } = agent()
  let exit: ExitReason | undefined
  actor.onExit = reason => (exit = reason)
  await run()
  current().fail(boom)
  await settle()
  t.deepEqual(exit, { kind: 'crash', error: boom })
})

test('actor: a crash in init, thrown or rejected, releases what was acquired before it', async t => {
  for (const init of [() => Promise.reject(boom), () => { throw boom }]) {
    const { run, events } = agent({ init })
    t.deepEqual(await run(), { kind: 'crash', error: boom })
    t.deepEqual(events, ['init 1', 'release 1', 'exit crash'])
  }
})

test('actor: a failure that is told by two ways is no second one', async t => {
  const { actor, run, errors } = agent({
    init(scope) {
      scope.fail(boom)
      throw boom
    },
  })
  t.deepEqual(await run(), { kind: 'crash', error: boom })
  t.is(actor.state, 'exited')
  t.deepEqual(errors(), [])
  const other = agent({
    init(scope) {
      scope.fail(boom)
      throw new Error('another')
    },
  })
  t.deepEqual(await other.run(), { kind: 'crash', error: boom })
  t.is(other.errors().length, 1)
})

test('actor: something thrown that is no error is reported as one', async t => {
  const { actor, run, current } = agent()
  let exit: ExitReason | undefined
  actor.onExit = reason => (exit = reason)
  await run()
  current().fail('text')
  await settle()
  t.true(exit?.kind === 'crash' && exit.error.message === 'internal.error: internal error: text')
})

test('actor: init may find nothing to do, which is no failure', async t => {
  const { run, events } = agent({ init: () => 'ignore' })
  t.is(await run(), 'ignore')
  t.deepEqual(events, ['init 1', 'release 1', 'exit normal'])
})

test('actor: a stop during init interrupts it, waits for it, and releases what it still acquired', async t => {
  const late = Promise.withResolvers<void>()
  const { actor, run, current, events, errors } = agent({ init: scope => late.promise.then(() => scope.defer(() => void events.push('late release'))) })
  const started = run()
  actor.stop()
  await settle()
  t.true(current().signal.aborted)
  t.deepEqual(events, ['init 1'])
  late.resolve()
  t.deepEqual(await started, { kind: 'shutdown' })
  t.deepEqual(events, ['init 1', 'late release', 'release 1', 'exit shutdown'])
  t.deepEqual(errors(), [])
})

test('actor: an init that ends by the abort of its signal is no error, any other failure is told', async t => {
  for (const [problem, told] of [[undefined, 0], [new DOMException('aborted', 'AbortError'), 0], [boom, 1]] as const) {
    const { actor, run, errors } = agent({ init: scope => new Promise((_, reject) => scope.signal.addEventListener('abort', () => reject(problem ?? (scope.signal.reason as Error)))) })
    const started = run()
    actor.stop()
    t.deepEqual(await started, { kind: 'shutdown' })
    t.is(errors().length, told)
  }
})

test('actor: a stop before the start ends it, and a start after that says so', async t => {
  const { actor, run, events } = agent()
  actor.stop()
  await settle()
  t.deepEqual(await run(), { kind: 'shutdown' })
  t.deepEqual(events, ['exit shutdown'])
})

test('actor: a kill passes over the drain, tells the behaviour, and is reported as killed', async t => {
  const { actor, run, events } = agent({ drain: () => never, kill: () => void events.push('kill') })
  await run()
  actor.stop()
  await settle()
  t.is(actor.state, 'terminate.draining')
  actor.kill()
  actor.kill()
  await settle()
  t.deepEqual(events, ['init 1', 'kill'])
})

test('actor: a drain that never ends holds a kill up no longer than the limit', async t => {
  const { actor, run, events, environment } = agent({ drain: () => never })
  await run()
  actor.stop()
  actor.kill()
  await environment.clock.advance(999)
  t.deepEqual(events, ['init 1'])
  await environment.clock.advance(2)
  t.deepEqual(events, ['init 1', 'release 1', 'exit killed'])
})

test('actor: a release that hangs is left behind after its limit, the others are called, and it is told', async t => {
  const { actor, run, current, events, environment, errors } = agent()
  await run()
  current().defer(() => never)
  actor.stop()
  await environment.clock.advance(4999)
  t.deepEqual(events, ['init 1'])
  await environment.clock.advance(2)
  t.deepEqual(events, ['init 1', 'release 1', 'exit shutdown'])
  t.deepEqual(errors().map(record => record.text), ['releases took too long and were left behind'])
})

test('actor: a kill cuts the wait for a hanging release short', async t => {
  const { actor, run, current, events, environment } = agent()
  await run()
  current().defer(() => never)
  actor.stop()
  await environment.clock.advance(100)
  actor.kill()
  await environment.clock.advance(1001)
  t.deepEqual(events, ['init 1', 'release 1', 'exit killed'])
})

test('actor: the reason of a crash stands, whatever ends it afterwards', async t => {
  const { actor, run, current, events, environment } = agent()
  await run()
  current().defer(() => never)
  current().fail(boom)
  actor.stop()
  actor.kill()
  await environment.clock.advance(1001)
  t.deepEqual(events, ['init 1', 'release 1', 'exit crash'])
})

test('actor: a drain that fails makes the end a crash', async t => {
  const { actor, run, events } = agent({ drain: () => Promise.reject(boom) })
  await run()
  actor.stop()
  await settle()
  t.deepEqual(events, ['init 1', 'release 1', 'exit crash'])
})

test('actor: the exit is reported once, and an observer that throws breaks nothing', async t => {
  const { actor, run, errors } = agent()
  let exits = 0
  actor.onExit = () => {
    exits++
    throw boom
  }
  await run()
  actor.stop()
  actor.stop()
  await settle()
  actor.kill()
  await settle()
  t.is(exits, 1)
  t.is(errors()[0]?.fields['error'], boom)
})

test('actor: nothing it does after its end has an effect', async t => {
  const { actor, run, current, events } = agent()
  await run()
  actor.stop()
  await settle()
  const before = [...events]
  t.false(actor.signal({ type: 'ATTACHED' }))
  t.false(current().send({ type: 'ATTACHED' }))
  current().fail(boom)
  current().finish()
  await settle()
  t.deepEqual(events, before)
  t.is(actor.state, 'exited')
})

test('actor: a signal moves its chart, and detail and info tell where it is', async t => {
  const { actor, run, environment } = agent()
  await run()
  await environment.clock.advance(250)
  t.true(actor.signal({ type: 'ATTACHED' }))
  t.deepEqual(actor.info(), { id: 'agent.test', kind: 'agent', phase: 'run', incarnation: 1, restarts: 0, ageMs: 250, mailbox: 0, detail: 'in run.attached', children: [] })
})

test('actor: signals wait in the mailbox until it runs, are counted, and keep their order', async t => {
  const gate = Promise.withResolvers<void>()
  const { actor, run } = agent({ init: () => gate.promise })
  const started = run()
  t.true(actor.signal({ type: 'ATTACHED' }))
  t.true(actor.signal({ type: 'DETACHED' }))
  t.true(actor.signal({ type: 'ATTACHED' }))
  t.is(actor.info().mailbox, 3)
  gate.resolve()
  await started
  await settle()
  t.is(actor.info().mailbox, 0)
  t.is(actor.state, 'run.attached')
})

test('actor: a full mailbox refuses, and a stop empties it', async t => {
  const { actor, run } = agent({ init: () => never })
  void run()
  let taken = 0
  while (taken < 5000 && actor.signal({ type: 'ATTACHED' })) taken++
  t.is(taken, 1024)
  t.is(actor.info().mailbox, 1024)
  actor.stop()
  t.is(actor.info().mailbox, 0)
})

test('actor: a planned restart maintains, releases the old, inits anew, and only then takes signals', async t => {
  const { actor, run, events } = agent({ maintain: () => void events.push('maintain') })
  await run()
  actor.signal({ type: 'MAINTAIN' })
  actor.signal({ type: 'ATTACHED' })
  t.is(actor.info().mailbox, 1)
  await settle()
  t.deepEqual(events, ['init 1', 'maintain', 'release 1', 'init 2'])
  t.is(actor.state, 'run.attached')
  actor.stop()
  await settle()
  t.deepEqual(events.slice(4), ['release 2', 'exit shutdown'])
})

test('actor: an overlapping restart releases the old after the new has begun', async t => {
  const { actor, run, events } = agent({ overlaps: true })
  await run()
  actor.signal({ type: 'MAINTAIN' })
  await settle()
  t.deepEqual(events, ['init 1', 'init 2', 'release 1'])
})

test('actor: an overlapping restart whose init fails releases both', async t => {
  let inits = 0
  const { actor, run, events } = agent({ overlaps: true, init: () => (++inits === 2 ? Promise.reject(boom) : undefined) })
  await run()
  actor.signal({ type: 'MAINTAIN' })
  await settle()
  t.deepEqual(events, ['init 1', 'init 2', 'release 2', 'release 1', 'exit crash'])
})

test('actor: a stop while the old is being released begins nothing new', async t => {
  const { actor, run, current, events } = agent()
  await run()
  const slow = Promise.withResolvers<void>()
  current().defer(() => slow.promise)
  actor.signal({ type: 'MAINTAIN' })
  await settle()
  t.is(actor.state, 'init')
  actor.stop()
  slow.resolve()
  await settle()
  t.deepEqual(events, ['init 1', 'release 1', 'exit shutdown'])
})

test('actor: what the round before a planned restart still says is ignored', async t => {
  const { actor, run, current, events } = agent()
  await run()
  const old = current()
  actor.signal({ type: 'MAINTAIN' })
  await settle()
  old.fail(boom)
  old.finish()
  t.false(old.send({ type: 'ATTACHED' }))
  old.defer(() => void events.push('late release of the old round'))
  await settle()
  t.is(actor.state, 'run.detached')
  t.is(events.at(-1), 'late release of the old round')
})

test('actor: a maintain that fails ends it', async t => {
  const { actor, run, events } = agent({ maintain: () => Promise.reject(boom) })
  await run()
  actor.signal({ type: 'MAINTAIN' })
  await settle()
  t.deepEqual(events, ['init 1', 'release 1', 'exit crash'])
})

test('actor: with the connection chart, maintain leads back to run and releases nothing', async t => {
  let [inits, releases] = [0, 0]
  const actor = new Actor({
    id: 'conn-1',
    kind: 'connection',
    machine: connectionMachine,
    environment: actorEnvironment(),
    behaviour: { init: scope => { inits++; scope.defer(() => void releases++) }, detail: () => '' },
  })
  await actor.start()
  actor.signal({ type: 'STALLED' })
  actor.signal({ type: 'MAINTAIN' })
  t.is(actor.state, 'maintain.stalled')
  await settle()
  t.is(actor.state, 'run.stalled')
  t.deepEqual([inits, releases], [1, 0])
})

test('actor: a chart that fails is a crash like any other and does not end the process', async t => {
  type Event = LifecycleEvent | EventOf<'BREAK'>
  const machine = setup({ types: { events: {} as Event }, actions: { fail: () => { throw boom } } }).createMachine({
    id: 'broken',
    initial: 'create',
    states: { ...phases, run: { on: { ...endInOrder, BREAK: { actions: 'fail' } } } },
  })
  const events: string[] = []
  const actor = new Actor({ id: 'broken', kind: 'agent', machine, environment: actorEnvironment(), behaviour: { init: scope => scope.defer(() => void events.push('release')), detail: () => '' } })
  actor.onExit = reason => events.push(reason.kind === 'crash' && reason.error.cause === boom ? 'exit by chart' : reason.kind)
  await actor.start()
  actor.signal({ type: 'BREAK' })
  await settle()
  t.deepEqual(events, ['release', 'exit by chart'])
  t.is(actor.state, 'exited')
})
