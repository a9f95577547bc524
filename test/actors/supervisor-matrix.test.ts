// OTP's supervisor_SUITE as a table: strategy × restart type × kind of exit, with the same outcome for each cell.

import test from 'ava'
import type { RestartType } from '../../actors/child-spec.ts'
import type { Strategy } from '../../actors/strategy.ts'
import { exits } from '../support/fake-child.ts'
import { settle } from '../support/fake-clock.ts'
import { supervise } from '../support/supervise.ts'

type Exit = keyof typeof exits

// Which exits of a child are failures to be repaired, by its restart type.
const isRestarted: Readonly<Record<RestartType, Readonly<Record<Exit, boolean>>>> = {
  permanent: { normal: true, shutdown: true, killed: true, crash: true },
  transient: { normal: false, shutdown: false, killed: true, crash: true },
  temporary: { normal: false, shutdown: false, killed: false, crash: false },
}

// What follows when b of a, b, c, d is restarted. d is temporary: it ends with its group and is not started again.
const restarted: Readonly<Record<Strategy, { readonly log: readonly string[]; readonly tree: readonly string[] }>> = {
  oneForOne: {
    log: ['exit b', 'start b#2'],
    tree: ['a#1 run', 'b#2 run', 'c#1 run', 'd#1 run'],
  },
  oneForAll: {
    log: ['exit b', 'stop d', 'exit d', 'stop c', 'exit c', 'stop a', 'exit a', 'start a#2', 'start b#2', 'start c#2'],
    tree: ['a#2 run', 'b#2 run', 'c#2 run'],
  },
  restForOne: {
    log: ['exit b', 'stop d', 'exit d', 'stop c', 'exit c', 'start b#2', 'start c#2'],
    tree: ['a#1 run', 'b#2 run', 'c#2 run'],
  },
}

for (const strategy of ['oneForOne', 'oneForAll', 'restForOne'] as const) {
  for (const restart of ['permanent', 'transient', 'temporary'] as const) {
    for (const exit of ['normal', 'shutdown', 'killed', 'crash'] as const) {
      const repaired = isRestarted[restart][exit]
      test(`supervisor matrix: ${strategy}, a ${restart} child that ends with ${exit} is ${repaired ? 'restarted' : 'left alone'}`, async t => {
        const { supervisor, children, tree } = supervise({ a: {}, b: { restart }, c: { restart: 'transient' }, d: { restart: 'temporary' } }, { strategy })
        await supervisor.start()
        children.takeLog()
        children.exit('b', exits[exit])
        await settle()
        if (repaired) {
          t.deepEqual(children.takeLog(), restarted[strategy].log)
          t.deepEqual(tree(), restarted[strategy].tree)
        } else {
          t.deepEqual(children.takeLog(), ['exit b'])
          t.deepEqual(tree(), ['a#1 run', ...(restart === 'temporary' ? [] : ['b#1 exited']), 'c#1 run', 'd#1 run'])
        }
      })
    }
  }

  test(`supervisor matrix: ${strategy}, with one failure too many all are stopped in reverse and the supervisor crashes`, async t => {
    const { supervisor, children, clock, exits: ends } = supervise({ a: {}, b: {}, c: {} }, { strategy, intensity: 2, periodMs: 1000 })
    await supervisor.start()
    for (let crash = 0; crash < 2; crash++) {
      children.exit('b', exits.crash)
      await clock.advance(400)
    }
    t.deepEqual(children.running.toSorted(), ['a', 'b', 'c'])
    children.takeLog()
    children.exit('b', exits.crash)
    await settle()
    t.deepEqual(children.takeLog(), ['exit b', 'stop c', 'exit c', 'stop a', 'exit a'])
    t.like(ends[0], { kind: 'crash', error: { code: 'supervisor.intensity', message: 'supervisor.intensity: supervisor "sup" saw more than 2 restarts in 1,000 ms' } })
  })

  test(`supervisor matrix: ${strategy}, failures further apart than the period are borne for ever`, async t => {
    const { supervisor, children, clock } = supervise({ a: {}, b: {} }, { strategy, intensity: 1, periodMs: 1000 })
    await supervisor.start()
    for (let crash = 0; crash < 10; crash++) {
      children.exit('b', exits.crash)
      await clock.advance(1001)
    }
    t.is(supervisor.info().children.find(child => child.id === 'b')?.restarts, 10)
  })

  test(`supervisor matrix: ${strategy}, a restart that fails to start counts as another failure and is tried again`, async t => {
    const { supervisor, children, tree } = supervise({ a: {}, b: {}, c: {} }, { strategy, intensity: 3 })
    await supervisor.start()
    children.nextStarts('b', 'fail', 'throw')
    children.exit('b', exits.crash)
    await settle()
    t.deepEqual(children.running.toSorted(), ['a', 'b', 'c'])
    t.true(tree().includes('b#4 run'))
  })

  test(`supervisor matrix: ${strategy}, restarts that fail to start exceed the intensity as crashes do`, async t => {
    const { supervisor, children, exits: ends } = supervise({ a: {}, b: {}, c: {} }, { strategy, intensity: 2 })
    await supervisor.start()
    children.nextStarts('b', 'fail', 'fail', 'fail')
    children.exit('b', exits.crash)
    await settle()
    t.like(ends[0], { kind: 'crash', error: { code: 'supervisor.intensity' } })
    t.deepEqual(children.running, [])
  })
}

test('supervisor matrix: oneForAll, a sibling that fails to start stops those that were started before it', async t => {
  const { supervisor, children } = supervise({ a: {}, b: {}, c: {} }, { strategy: 'oneForAll' })
  await supervisor.start()
  children.nextStarts('c', 'fail')
  children.takeLog()
  children.exit('a', exits.crash)
  await settle()
  const first = ['exit a', 'stop c', 'exit c', 'stop b', 'exit b', 'start a#2', 'start b#2', 'start c#2', 'exit c']
  t.deepEqual(children.takeLog(), [...first, 'stop b', 'exit b', 'stop a', 'exit a', 'start a#3', 'start b#3', 'start c#3'])
})

test('supervisor matrix: restForOne, a sibling that fails to start leaves those before it running', async t => {
  const { supervisor, children } = supervise({ a: {}, b: {}, c: {} }, { strategy: 'restForOne' })
  await supervisor.start()
  children.nextStarts('b', 'fail')
  children.takeLog()
  children.exit('a', exits.crash)
  await settle()
  t.deepEqual(children.takeLog(), ['exit a', 'stop c', 'exit c', 'stop b', 'exit b', 'start a#2', 'start b#2', 'exit b', 'start b#3', 'start c#2'])
})

test('supervisor matrix: two that end at once under oneForAll are one failure, under oneForOne two', async t => {
  for (const [strategy, count] of [['oneForAll', 1], ['oneForOne', 2]] as const) {
    const { supervisor, children, exits: ends } = supervise({ a: {}, b: {} }, { strategy, intensity: 1 })
    await supervisor.start()
    children.exit('a', exits.crash)
    children.exit('b', exits.crash)
    await settle()
    t.deepEqual([children.running.length, ends.length], count === 1 ? [2, 0] : [0, 1])
  }
})

test('supervisor matrix: a transient child that had ended for good starts again with its group, as in OTP', async t => {
  const { supervisor, children, tree } = supervise({ a: {}, b: { restart: 'transient' } }, { strategy: 'oneForAll' })
  await supervisor.start()
  children.exit('b', exits.normal)
  await settle()
  t.deepEqual(tree(), ['a#1 run', 'b#1 exited'])
  children.exit('a', exits.crash)
  await settle()
  t.deepEqual(tree(), ['a#2 run', 'b#2 run'])
})

test('supervisor matrix: a child that ends in the moment it came to run is restarted', async t => {
  const { supervisor, children, tree } = supervise({ a: {} })
  children.nextStarts('a', 'brief')
  t.is(await supervisor.start(), 'ok')
  await settle()
  t.deepEqual(tree(), ['a#2 run'])
})

test('supervisor matrix: an exit that was overtaken by a restart of the group says nothing about the next incarnation', async t => {
  const { supervisor, children, tree } = supervise({ a: {}, b: { restart: 'transient' } }, { strategy: 'oneForAll' })
  await supervisor.start()
  children.nextStarts('b', 'brief')
  children.exit('a', exits.crash)
  children.exit('b', exits.normal)
  await settle()
  // b#1 ended for good, b#2 crashed: it is b#2 that counts.
  t.deepEqual(tree(), ['a#3 run', 'b#3 run'])
})
