import test from 'ava'
import type { JoinedBus } from '../../../actors/joined-bus.ts'
import { passOn, receive } from '../../../actors/upgrade/bus-succession.ts'
import type { Inheritance } from '../../../actors/upgrade/inheritance.ts'
import type { ToSuccessor } from '../../../actors/upgrade/messages.ts'
import type { Successor } from '../../../actors/upgrade/successor.ts'
import { actorEnvironment } from '../../support/actor-environment.ts'

/** The part of each that is used. */
const successor = (tell: (message: ToSuccessor) => void): Successor => ({ onJoined: (then: () => void) => then(), onGone() {}, tell }) as unknown as Successor

test('bus succession: a link that cannot be left in order is told of, and the next process is not kept waiting', async t => {
  const environment = actorEnvironment()
  const told: string[] = []
  const bus = { letGo: () => Promise.reject(new Error('it broke')) } as unknown as JoinedBus
  await passOn(bus, successor(({ type }) => told.push(type)), environment)
  t.deepEqual(told, ['left'])
  t.like(environment.log.records, { 0: { level: 'warn', fields: { err: { code: 'internal.error' } } }, length: 1 })
})

test('bus succession: the next process has the link when the one before has left, or is late', async t => {
  for (const leaves of [true, false]) {
    const { clock, ...environment } = actorEnvironment()
    const left = Promise.withResolvers<void>()
    const steps: string[] = []
    const bus = { arrived() {}, join() {}, isJoined: () => Promise.resolve(true), goOn: () => steps.push('goes on') } as unknown as JoinedBus
    const inheritance = { joined: () => steps.push('joined'), predecessorLeft: left.promise } as unknown as Inheritance
    const received = receive(bus, inheritance, { clock, ...environment }).then(() => steps.push('received'))
    await clock.advance(14_000)
    t.deepEqual(steps, ['joined'], 'what comes by way of the other process comes first')
    if (leaves) left.resolve()
    await clock.advance(leaves ? 20 : 1100)
    await received
    t.deepEqual(steps, ['joined', 'goes on', 'received'])
  }
})
