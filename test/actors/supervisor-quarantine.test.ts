import test from 'ava'
import { checkChildSpecs } from '../../actors/child-spec.ts'
import { errorCode } from '../support/error-code.ts'
import { settle } from '../support/fake-clock.ts'
import { exits } from '../support/fake-child.ts'
import { supervise } from '../support/supervise.ts'

test('quarantine: a child that fails too often stays down with its reason, the others go on, and starting it lifts that', async t => {
  const { supervisor, children, tree, clock } = supervise({ a: { intensity: 2, periodMs: 1000 }, b: {} }, { intensity: 100 })
  void supervisor.start()
  await settle()
  const crash = async (times: number): Promise<void> => {
    for (let time = 0; time < times; time++) {
      children.exit('a', exits.crash)
      await settle()
    }
  }
  await crash(2)
  t.deepEqual(tree(), ['a#3 run', 'b#1 run'])
  await clock.advance(1001)
  await crash(3)
  t.deepEqual(tree(), ['a#5 exited in quarantine', 'b#1 run'])
  t.like(supervisor.info().children[0], { detail: 'in quarantine: crash', quarantine: { reason: 'crash', since: clock.wallMs() } })
  await clock.advance(10_000)
  t.is(tree()[0], 'a#5 exited in quarantine')
  await supervisor.restartChild('a')
  t.is(tree()[0], 'a#6 run')
  await crash(2)
  t.is(tree()[0], 'a#8 run', 'failures before the quarantine count no more')
})

test('quarantine: those that never run without the child go down with it and start with it', async t => {
  const { supervisor, children, tree } = supervise({ before: {}, base: { intensity: 0 }, above: {}, once: { restart: 'temporary' } }, { strategy: 'restForOne', intensity: 100 })
  void supervisor.start()
  await settle()
  children.exit('base', exits.crash)
  await settle()
  t.deepEqual(tree(), ['before#1 run', 'base#1 exited in quarantine', 'above#1 exited'])
  t.is(supervisor.info().children[2]!.detail, 'down with base, which is in quarantine')
  children.exit('before', exits.crash)
  await settle()
  t.deepEqual(tree(), ['before#2 run', 'base#1 exited in quarantine', 'above#1 exited'], 'a restart of the group does not lift it')
  await supervisor.restartChild('base')
  t.deepEqual(tree(), ['before#2 run', 'base#2 run', 'above#2 run'])
})

test('quarantine: when the child is removed, those that went down with it start', async t => {
  const { supervisor, children, tree } = supervise({ base: { intensity: 0 }, other: {} }, { strategy: 'oneForAll', intensity: 100 })
  void supervisor.start()
  await settle()
  children.exit('base', exits.crash)
  await settle()
  t.deepEqual(tree(), ['base#1 exited in quarantine', 'other#1 exited'])
  await supervisor.removeChild('base')
  t.deepEqual(tree(), ['other#2 run'])
})

test('quarantine: what a spec says of it is checked', async t => {
  const check = (more: object): Promise<string> => errorCode((async () => checkChildSpecs([{ id: 'a', kind: 'agent', restart: 'permanent', create: () => t.fail(), ...more }], 1))())
  for (const wrong of [{ intensity: -1 }, { intensity: 0.5 }, { periodMs: 0 }, { periodMs: Infinity }]) t.is(await check(wrong), 'supervisor.bad_child_spec', JSON.stringify(wrong))
  t.is(await check({ intensity: 0, periodMs: 1 }), 'resolved')
})
