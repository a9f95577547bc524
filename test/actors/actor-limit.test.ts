// How long an actor waits for its releases where the process itself is held up.

import test from 'ava'
import { Actor } from '../../actors/actor.ts'
import { agentMachine } from '../../machines/agent.ts'
import { actorEnvironment } from '../support/actor-environment.ts'
import { settle } from '../support/fake-clock.ts'

// Its releases had ended as well: their ends were to be told of in the same turn of the event loop, after the timers.
test('actor limit: one that comes due while the process is held up is put off once, so that what ended meanwhile is heard of', async t => {
  for (const isHanging of [false, true]) {
    const environment = actorEnvironment()
    const ended = Promise.withResolvers<void>()
    const actor = new Actor({ id: 'agent.test', kind: 'agent', machine: agentMachine, environment, behaviour: { init: scope => scope.defer(() => ended.promise), detail: () => '' } })
    const exits: string[] = []
    actor.onExit = ({ kind }) => exits.push(kind)
    await actor.start()
    actor.stop()
    await settle()
    environment.clock.oversleep(20_000)
    await environment.clock.advance(0)
    t.deepEqual(exits, [])
    if (!isHanging) ended.resolve()
    await environment.clock.advance(isHanging ? 1020 : 0)
    t.deepEqual(exits, ['shutdown'])
    t.deepEqual(environment.log.records.filter(({ level }) => level === 'error').map(({ text }) => text), isHanging ? ['releases took too long and were left behind'] : [])
  }
})
