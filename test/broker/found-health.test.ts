// What probes find of an agent's instance, and what that does to requests by name.

import test from 'ava'
import type { Connection } from '../../broker/connection.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { NativeClient } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'

function fleet() {
  const rig = new PipelineRig()
  rig.core.registering.ownAgent = id => (id.startsWith('weather') ? { name: 'weather', instance: id } : undefined)
  const join = (id: string): NativeClient => rig.native({ client: id.replace('/', '-'), agent: id })
  const asker = rig.native()
  const ask = (name = 'weather'): void => void asker.send({ kind: Kind.request, subject: `$CB.to.service.${name}` })
  const healths = (name = 'weather'): string[] => rig.core.registry.find({ name }).instances.map(({ instance, health }) => `${instance} ${health}`)
  return { rig, join, asker, ask, healths, registering: rig.core.registering }
}

test('found health: an instance that a probe found unhealthy gets no requests while another is healthy, and is back when it is', t => {
  const { join, ask, healths, registering, rig } = fleet()
  const [one, two] = [join('weather'), join('weather/2')]
  const events: string[] = []
  rig.core.registry.watch(({ event, instance }) => events.push(`${event} ${instance.instance} ${instance.health}`))
  registering.found('weather/2', 'unhealthy')
  t.deepEqual(healths(), ['weather healthy', 'weather/2 unhealthy'])
  for (let i = 0; i < 4; i++) ask()
  t.deepEqual([one.messages().length, two.messages().length], [4, 0])
  registering.found('weather/2', undefined)
  registering.found('weather/2', undefined)
  for (let i = 0; i < 2; i++) ask()
  t.deepEqual([one.messages().length, two.messages().length], [0, 2], 'it has fewer open')
  t.deepEqual(events, ['health weather/2 unhealthy', 'health weather/2 healthy'])
})

test('found health: what is found before an instance registers holds from its first moment, under every name that it takes', t => {
  const { rig, join, asker, ask, healths, registering } = fleet()
  registering.found('weather/2', 'starting')
  const two = join('weather/2')
  t.deepEqual(healths(), ['weather/2 starting'])
  ask()
  t.is(two.messages().length, 0)
  t.is(asker.frames().length, 1, 'nobody is there')
  registering.register(rig.core.directory.addressed('agent', 'weather/2')!, { name: 'forecast' })
  t.deepEqual(healths('forecast'), ['weather-2 starting'])
  registering.found('weather/2', undefined)
  t.deepEqual([...healths(), ...healths('forecast')], ['weather/2 healthy', 'weather-2 healthy'])
})

test('found health: connections of an instance that cannot say what they are register beside each other, and what is found holds for all', t => {
  const { rig, healths, registering } = fleet()
  rig.addPrincipal({ name: 'agent:weather', roles: ['agent'] }, 'token-of-weather')
  const [one, two] = ['one', 'two'].map(name => rig.nats({ user: 'agent:weather', pass: 'token-of-weather', name }).connection) as [Connection, Connection]
  t.deepEqual([one.agent, one.isEnding, two.instance], [undefined, false, 'weather'])
  t.is(rig.core.instanceLink('weather'), one)
  for (const connection of [one, two, one]) registering.register(connection, { name: 'weather' })
  t.deepEqual(healths().toSorted(), [`${two.client} healthy`, 'weather healthy'])
  registering.found('weather', 'unhealthy')
  t.deepEqual(healths().toSorted(), [`${two.client} unhealthy`, 'weather unhealthy'])
  // A further connection of a program that could have said that it is the agent.
  const beside = rig.native({ principal: 'agent:weather', auth: { token: 'token-of-weather' } }).connection
  t.deepEqual([beside.instance, beside.isInstanceLink], ['weather', false])
  registering.register(beside, { name: 'other' })
  t.deepEqual(healths('other'), [`${beside.client} healthy`])
})

test('found health: what an admin holds it for is another matter', t => {
  const { join, healths, registering, rig } = fleet()
  join('weather')
  const handle = rig.core.registry.instance('weather', 'weather')!
  handle.observe('draining')
  registering.found('weather', 'unhealthy')
  t.deepEqual(healths(), ['weather draining'])
  registering.found('weather', undefined)
  t.deepEqual(healths(), ['weather draining'])
  registering.found('weather', 'unhealthy')
  handle.observe(undefined)
  t.deepEqual(healths(), ['weather unhealthy'])
})

test('found health: a ping of an instance is answered by that one ping\'s answer', t => {
  const { join, rig } = fleet()
  t.is(rig.core.pingAgent('weather', () => t.fail()), undefined)
  const one = join('weather')
  let answers = 0
  for (let i = 0; i < 2; i++) t.not(rig.core.pingAgent('weather', () => answers++), undefined)
  t.deepEqual(one.frames().map(({ kind }) => kind), [Kind.ping, Kind.ping])
  one.control(Kind.pong, 0)
  t.is(answers, 1)
  one.control(Kind.pong, 0)
  t.is(answers, 2)
})

test('found health: an instance whose link reads nothing more until what came is worked off counts as one that answers', t => {
  const { join, rig } = fleet()
  const one = join('weather')
  let answers = 0
  rig.core.pingAgent('weather', () => answers++)
  t.is(answers, 0)
  const read = rig.core.sightOf('weather')
  one.link.isUnread = true
  t.not(rig.core.sightOf('weather'), read, 'what was sent before may be answered, unread')
  rig.core.pingAgent('weather', () => answers++)
  t.is(answers, 1)
})

test('found health: what an instance has had to do is counted by how it ended, and timed where somebody wants that', async t => {
  const { rig, join, asker, ask, registering } = fleet()
  const one = join('weather')
  ask()
  await rig.clock.advance(1)
  registering.timed('weather', () => rig.core.clock.monotonicMs())
  for (let i = 0; i < 3; i++) ask()
  await rig.clock.advance(30)
  const [first, second, third, fourth] = one.messages()
  for (const [request, kind] of [[first, Kind.response], [second, Kind.response], [third, Kind.error]] as const) one.send({ kind, to: request!.origin, ref: request!.id, subject: request!.subject })
  t.deepEqual(registering.loads('weather'), [{ outstanding: 1, failures: 1, answered: 3, unanswered: 0, tookMs: 60 }])
  asker.control(Kind.cancel, fourth!.id)
  t.like(registering.loads('weather')[0], { outstanding: 0, answered: 3, unanswered: 0, tookMs: 60 })
  ask()
  registering.timed('weather', undefined)
  await rig.clock.advance(rig.core.settings.ipc.timeoutMs + 100)
  t.deepEqual(registering.loads('weather'), [{ outstanding: 0, failures: 2, answered: 3, unanswered: 1, tookMs: 60 }])
  rig.core.registering.leave(rig.core.directory.addressed('agent', 'weather')!)
  t.deepEqual(registering.loads('weather'), [{ outstanding: 0, failures: 2, answered: 3, unanswered: 1, tookMs: 60 }], 'nothing is forgotten')
})

test('found health: what was open when a connection ended is counted, and nothing is forgotten with it', t => {
  const { rig, join, ask, registering } = fleet()
  const one = join('weather')
  for (let i = 0; i < 3; i++) ask()
  const [first] = one.messages()
  one.send({ kind: Kind.response, to: first!.origin, ref: first!.id, subject: first!.subject })
  const sum = (): object => {
    const all = { outstanding: 0, failures: 0, answered: 0, unanswered: 0 }
    for (const load of registering.loads('weather')) for (const key of Object.keys(all) as (keyof typeof all)[]) all[key] += load[key]
    return all
  }
  t.deepEqual(sum(), { outstanding: 2, failures: 0, answered: 1, unanswered: 0 })
  one.link.hangUp()
  rig.turn()
  t.deepEqual(sum(), { outstanding: 0, failures: 2, answered: 1, unanswered: 2 })
  const next = join('weather')
  ask()
  t.is(next.messages().length, 1)
  t.deepEqual(sum(), { outstanding: 1, failures: 2, answered: 1, unanswered: 2 })
})

test('found health: the process of the broker before this one has its own health, and is not the one that is pinged', t => {
  const { join, rig, healths, registering, asker, ask } = fleet()
  registering.found('weather', 'starting')
  const former = join('weather')
  former.connection.isFormer = true
  rig.core.registering.leave(former.connection)
  registering.arrived(former.connection, { registration: { name: 'weather', instance: 'weather-before' }, isAsked: false })
  t.is(rig.core.pingAgent('weather', () => t.fail()), undefined, 'the new one is not here yet')
  rig.core.relief = { came: () => rig.core.directory.add(former.connection) }
  const fresh = join('weather')
  t.deepEqual(healths().toSorted(), ['weather starting', 'weather-before healthy'])
  ask()
  t.deepEqual([former.messages().length, fresh.messages().length, asker.frames().length], [1, 0, 0])
  let answers = 0
  rig.core.pingAgent('weather', () => answers++)
  former.control(Kind.pong, 0)
  t.is(answers, 0)
  fresh.control(Kind.pong, 0)
  t.is(answers, 1)
})
