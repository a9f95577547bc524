// What probes find of an agent's instance, and what that does to requests by name.

import test from 'ava'
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
  t.deepEqual(registering.loads('weather'), [])
})
