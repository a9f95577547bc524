import test from 'ava'
import type { RegistryEvent } from '../../../broker/ground/registry.ts'
import { owner, registry } from '../../support/instances.ts'

test('registry: an instance is found by name, version, capability, metadata, kind and health', t => {
  const found = registry()
  found.register(owner(1), { name: 'weather', version: '1.4.0', capabilities: ['forecast'], metadata: { zone: 'eu' } })
  found.register(owner(2), { name: 'weather', version: '2.0.1', capabilities: ['forecast', 'radar'], health: 'unhealthy' })
  found.register(owner(3), { name: 'phone', kind: 'node', capabilities: ['camera', 'forecast'] })
  const ids = (query: Parameters<typeof found.find>[0]): string[] => found.find(query).instances.map(({ instance }) => instance)
  t.deepEqual(ids({}), ['client-1', 'client-2', 'client-3'])
  t.deepEqual(ids({ name: 'weather' }), ['client-1', 'client-2'])
  t.deepEqual(ids({ name: 'weather', version: '^2' }), ['client-2'])
  t.deepEqual(ids({ capability: 'forecast' }), ['client-1', 'client-2', 'client-3'])
  t.deepEqual(ids({ capability: 'forecast', kind: 'node' }), ['client-3'])
  t.deepEqual(ids({ metadata: { zone: 'eu' } }), ['client-1'])
  t.deepEqual(ids({ metadata: { zone: 'us' } }), [])
  t.deepEqual(ids({ health: 'unhealthy' }), ['client-2'])
  t.deepEqual(ids({ name: 'nothing' }), [])
  const limited = found.find({ limit: 1 })
  t.deepEqual([limited.instances.length, limited.total], [1, 3])
  t.throws(() => found.find({ version: 'one' }), { code: 'registry.bad_version' })
})

test('registry: an owner that leaves takes all its instances, and the names that nobody has are told', t => {
  const names: string[] = []
  const found = registry({}, name => names.push(name))
  const both = owner(1)
  found.register(both, { name: 'a', capabilities: ['x'] })
  found.register(both, { name: 'b' })
  found.register(owner(2), { name: 'b' })
  t.deepEqual(names, ['a', 'b'])
  found.leave(both)
  t.deepEqual(names, ['a', 'b', 'a'])
  t.is(found.service('a'), undefined)
  t.deepEqual(found.find().instances.map(({ instance }) => instance), ['client-2'])
  t.deepEqual(found.find({ capability: 'x' }).total, 0)
  t.is(found.size, 1)
})

test('registry: the same principal takes an instance over, another one is refused', t => {
  const found = registry()
  const first = found.register(owner(1), { name: 'a', instance: 'one' })
  found.register(owner(2), { name: 'a', instance: 'one', version: '2.0.0' })
  t.false(first.isRegistered)
  t.throws(() => first.update({ weight: 1 }), { code: 'registry.not_registered' })
  first.end()
  t.is(found.find({ name: 'a' }).instances[0]?.version, '2.0.0')
  t.throws(() => found.register(owner(3, { principal: 'other' }), { name: 'a', instance: 'one' }), { code: 'registry.instance_taken' })
  t.is(found.size, 1)
})

test('registry: more instances than are allowed are refused by name', t => {
  const found = registry({ maxInstances: 2 })
  found.register(owner(1), { name: 'a' })
  found.register(owner(2), { name: 'a' })
  t.throws(() => found.register(owner(3), { name: 'a' }), { code: 'registry.limit' })
  // One that makes room for another is no more.
  t.notThrows(() => found.register(owner(4), { name: 'a', instance: 'client-1' }))
})

test('registry: each change is told in order, with a revision that grows', t => {
  const found = registry()
  const events: string[] = []
  const told: RegistryEvent[] = []
  const end = found.watch(event => {
    told.push(event)
    events.push(`${event.event} ${event.instance.health} ${event.instance.version}`)
  })
  const one = owner(1)
  const handle = found.register(one, { name: 'a' })
  handle.update({ version: '1.0.0' })
  handle.update({ health: 'draining' })
  handle.observe('unhealthy')
  handle.update({ health: 'healthy' })
  handle.observe(undefined)
  one.sink = undefined
  found.reach(one)
  handle.end()
  t.deepEqual(events, ['joined healthy 0.0.0', 'updated healthy 1.0.0', 'health draining 1.0.0', 'health unhealthy 1.0.0', 'health healthy 1.0.0', 'updated healthy 1.0.0', 'left healthy 1.0.0'])
  t.deepEqual(told.map(({ revision }) => revision), [1, 2, 3, 4, 5, 6, 7])
  t.false(told.at(-2)!.instance.reachable)
  end()
  found.register(one, { name: 'a' })
  t.is(events.length, 7)
})

test('registry: a version that is none changes nothing', t => {
  const found = registry()
  t.throws(() => found.register(owner(1), { name: 'a', version: 'new' }), { code: 'registry.bad_version' })
  t.is(found.size, 0)
  const handle = found.register(owner(1), { name: 'a', version: '1.0.0', capabilities: ['x'] })
  t.throws(() => handle.update({ version: 'newer', capabilities: ['y'] }), { code: 'registry.bad_version' })
  t.deepEqual(found.find({ capability: 'x' }).instances.map(({ version }) => version), ['1.0.0'])
  handle.update({ capabilities: ['y'] })
  t.is(found.find({ capability: 'x' }).total, 0)
  t.is(found.find({ capability: 'y' }).total, 1)
})

test('registry: what an instance is held for stays when it registers again, from another connection too, until it is cleared', t => {
  const found = registry()
  const first = owner(1)
  const again = (by = first): ReturnType<typeof found.register> => found.register(by, { name: 'a', instance: 'one', health: 'healthy' })
  again().observe('draining')
  t.is(again().info.health, 'draining')
  t.is(found.service('a')!.choose(undefined, '', 0), undefined)
  t.is(again(owner(2)).info.health, 'draining')
  found.leave(first)
  found.instance('a', 'one')!.end()
  t.is(found.counts.instances, 0)
  const back = again(owner(3))
  t.is(back.info.health, 'draining')
  t.is(found.register(owner(4), { name: 'a', instance: 'two' }).info.health, 'healthy', 'another one is not held')
  back.observe(undefined)
  t.is(back.info.health, 'healthy')
  t.is(again(owner(5)).info.health, 'healthy')
})

test('registry: what instances say of themselves is limited in bytes, for each and for a connection, and counted off again', t => {
  const found = registry()
  const one = owner(1)
  const big = { metadata: Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`k${i}`, 'x'.repeat(1000)])) }
  t.throws(() => found.register(one, { name: 'a', metadata: { ...big.metadata, k15: 'ü'.repeat(500) } }), { code: 'registry.invalid', message: /16,?384/ })
  const first = found.register(one, { name: 'a', instance: '0', ...big })
  t.throws(() => first.update({ version: '9.0.0', capabilities: Array.from({ length: 8 }, (_, i) => `${i}`.repeat(100)) }), { code: 'registry.invalid' })
  t.is(first.info.version, '0.0.0', 'nothing of it was taken')
  const fill = (): number => {
    for (let i = 1; ; i++) {
      try {
        found.register(one, { name: 'a', instance: `${i}`, ...big })
      } catch (error) {
        t.like(error, { code: 'registry.limit', message: 'registry.limit: 4,194,304 bytes are registered by this connection, the most there may be' })
        return i
      }
    }
  }
  const most = fill()
  t.true(most > 200 && most < 280)
  t.notThrows(() => found.register(one, { name: 'a', instance: '0', ...big }), 'it takes its own place')
  t.notThrows(() => found.register(owner(2), { name: 'a', ...big }))
  for (const handle of found.owned(one)) handle.update({ metadata: {} })
  t.notThrows(() => found.register(one, { name: 'a', instance: 'more', ...big }))
  found.leave(one)
  t.is(fill(), most + 1, 'and one less before')
})

test('registry: an answer is cut short by what its instances say, and still counts all', t => {
  const found = registry()
  for (let i = 0; i < 10; i++) found.register(owner(i), { name: 'a', metadata: { about: 'x'.repeat(1000) } })
  const { instances, total } = found.find({ name: 'a' }, 5500)
  t.deepEqual([instances.length, total], [5, 10])
})
