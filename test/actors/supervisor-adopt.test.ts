import test from 'ava'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { ActorHandle } from '../../broker/ground/types.ts'
import { exits, type FakeChildren, type StopScript } from '../support/fake-child.ts'
import { settle } from '../support/fake-clock.ts'
import { supervise } from '../support/supervise.ts'

/** An actor that runs already, as a listener would hand it over. */
async function guest(children: FakeChildren, id: string, stop: StopScript = 'obey'): Promise<ActorHandle> {
  children.onStop(id, stop)
  const actor = children.spec(id).create(1)
  await actor.start()
  children.takeLog()
  return actor
}

test('supervisor adopt: an adopted child is in the tree until it ends, and is never restarted', async t => {
  const { supervisor, children, tree, exits: ends } = supervise({ a: {} }, { intensity: 0 })
  await supervisor.start()
  t.true(supervisor.adopt(await guest(children, 'conn-1')))
  t.true(supervisor.adopt(await guest(children, 'conn-2')))
  t.deepEqual(tree(), ['a#1 run', 'conn-1#1 run', 'conn-2#1 run'])
  children.exit('conn-1', exits.crash)
  await settle()
  t.deepEqual(tree(), ['a#1 run', 'conn-2#1 run'])
  t.deepEqual(ends, [])
})

test('supervisor adopt: all adopted children are asked at once, before those with specs stop', async t => {
  const { supervisor, children, clock } = supervise({ a: {} })
  await supervisor.start()
  for (const id of ['conn-1', 'conn-2', 'conn-3']) supervisor.adopt(await guest(children, id, id === 'conn-1' ? 'ignore' : 'obey'))
  supervisor.stop()
  await clock.advance(10)
  t.deepEqual(children.takeLog(), ['stop conn-1', 'stop conn-2', 'exit conn-2', 'stop conn-3', 'exit conn-3'])
  children.exit('conn-1', exits.shutdown)
  await settle()
  t.deepEqual(children.takeLog(), ['exit conn-1', 'stop a', 'exit a'])
})

test('supervisor adopt: those that do not stop in time are killed, those that survive it left behind', async t => {
  const { supervisor, children, clock, exits: ends } = supervise({ a: {} }, { adoptedShutdownMs: 200 })
  await supervisor.start()
  supervisor.adopt(await guest(children, 'conn-1', 'ignore'))
  supervisor.adopt(await guest(children, 'conn-2', 'immortal'))
  supervisor.stop()
  await clock.advance(201)
  t.deepEqual(children.takeLog(), ['stop conn-1', 'stop conn-2', 'kill conn-1', 'exit conn-1', 'kill conn-2'])
  await clock.advance(5001)
  t.deepEqual(children.takeLog(), ['stop a', 'exit a'])
  t.deepEqual(ends, [{ kind: 'shutdown' }])
})

test('supervisor adopt: a kill kills them at once', async t => {
  const { supervisor, children } = supervise({})
  await supervisor.start()
  supervisor.adopt(await guest(children, 'conn-1', 'ignore'))
  supervisor.kill()
  await settle()
  t.deepEqual(children.takeLog(), ['kill conn-1', 'exit conn-1'])
  t.is(supervisor.info().phase, 'exited')
})

test('supervisor adopt: a supervisor that does not run takes nobody', async t => {
  const { supervisor, children } = supervise({})
  t.false(supervisor.adopt(await guest(children, 'conn-1')))
  await supervisor.start()
  supervisor.stop()
  t.false(supervisor.adopt(await guest(children, 'conn-2')))
})

test('supervisor adopt: only where no sibling shares the fate of another', async t => {
  const { supervisor, children } = supervise({}, { strategy: 'oneForAll' })
  await supervisor.start()
  const actor = await guest(children, 'conn-1')
  t.throws(() => supervisor.adopt(actor), { code: 'supervisor.bad_child_spec' })
})

test('supervisor adopt: ten thousand stop in as many steps, whichever order they end in', async t => {
  const { supervisor } = supervise({})
  await supervisor.start()
  const count = 10_000
  let stops = 0
  const ending: ActorHandle[] = []
  for (let number = 0; number < count; number++) {
    const handle: ActorHandle = {
      id: `conn-${number}`,
      onExit: undefined,
      info: () => ({ id: `conn-${number}`, kind: 'connection', phase: 'run', incarnation: 1, restarts: 0, ageMs: 0, mailbox: 0, detail: '', children: [] }),
      stop: () => {
        stops++
        ending.push(handle)
      },
      kill: () => {},
    }
    supervisor.adopt(handle)
  }
  t.deepEqual([supervisor.info(5).children.length, supervisor.info(5).childCount], [5, count])
  supervisor.stop()
  await settle()
  t.is(stops, count)
  t.is(supervisor.info().phase, 'terminate')
  for (const handle of ending.toReversed()) handle.onExit?.({ kind: 'shutdown' }, handle)
  await settle()
  t.is(supervisor.info().phase, 'exited')
})

test('supervisor adopt: a client that the broker ended is no crash to warn of, a defect is', async t => {
  const { supervisor, children, environment } = supervise({})
  await supervisor.start()
  for (const id of ['conn-1', 'conn-2']) supervisor.adopt(await guest(children, id))
  children.exit('conn-1', { kind: 'crash', error: new BrokerError('auth.failed', { principal: 'owner' }) })
  children.exit('conn-2', { kind: 'crash', error: new TypeError('x is not a function') })
  t.deepEqual(environment.log.records.filter(({ text }) => text === 'child crashed').map(({ fields }) => fields['child']), ['conn-2'])
})
