import test from 'ava'
import fc from 'fast-check'
import { Places } from '../../../../broker/upstream/nats/places.ts'
import type { BrokerSign, Place } from '../../../../broker/upstream/nats/presence-entries.ts'
import { readPlace, readSign } from '../../../../broker/upstream/nats/presence-entries.ts'

const TTL_MS = 1000

function sign(broker: string, instance = 'i'): BrokerSign {
  return { broker, instance, name: broker, host: 'h', pid: 1, version: '0' }
}

function place(client: string, broker: string, revision: number, more: Partial<Place> = {}): Place {
  return { client, broker, instance: 'i', principal: 'owner', agent: undefined, session: `${client}-${revision}`, sinceMs: 0, revision, ...more }
}

test('places: one counts while its broker gives signs of life, in the start that wrote it', t => {
  const places = new Places('own', TTL_MS)
  places.put(place('a', 'far', 1, { agent: 'lamp' }))
  t.is(places.find('client', 'a'), undefined)
  t.true(places.heard(sign('far'), 0))
  for (const [kind, id] of [['client', 'a'], ['agent', 'lamp'], ['session', 'a-1']] as const) t.is(places.find(kind, id)?.client, 'a')
  t.is(places.find('node', 'a'), undefined)
  t.false(places.heard(sign('far'), 900))
  t.false(places.expire(1899))
  t.truthy(places.find('client', 'a'))
  t.true(places.expire(1900))
  t.is(places.find('client', 'a'), undefined)
  t.true(places.heard(sign('far', 'another start'), 2000))
  t.is(places.find('client', 'a'), undefined)
  t.true(places.forget('far'))
  t.false(places.forget('far'))
})

test('places: of one client the later entry counts, and what an older one says is passed over', t => {
  const places = new Places('own', TTL_MS)
  for (const broker of ['one', 'two']) places.heard(sign(broker), 0)
  places.put(place('a', 'two', 5))
  places.put(place('a', 'one', 4))
  t.is(places.find('client', 'a')?.broker, 'two')
  t.is(places.find('session', 'a-4'), undefined)
  places.remove('a', 4)
  t.truthy(places.find('client', 'a'))
  places.remove('a', 6)
  t.is(places.find('client', 'a'), undefined)
  t.is(places.find('session', 'a-5'), undefined)
})

test('places: of several clients with one agent name the latest at a broker that lives has it', t => {
  const places = new Places('own', TTL_MS)
  for (const broker of ['one', 'two', 'own']) places.heard(sign(broker), 0)
  places.put(place('a', 'one', 2, { agent: 'lamp' }))
  places.put(place('b', 'two', 3, { agent: 'lamp' }))
  places.put(place('c', 'own', 4, { agent: 'lamp' }))
  places.put(place('d', 'one', 1, { agent: 'lamp' }))
  t.is(places.find('agent', 'lamp')?.client, 'b')
  places.forget('two')
  t.is(places.find('agent', 'lamp')?.client, 'a')
  places.remove('a', 3)
  t.is(places.find('agent', 'lamp')?.client, 'd')
  places.remove('d', 3)
  t.is(places.find('agent', 'lamp'), undefined)
})

test('places: what a round does not tell is gone, and what it tells first holds though the bucket counts anew', t => {
  const places = new Places('own', TTL_MS)
  places.heard(sign('one'), 0)
  places.put(place('gone', 'one', 900))
  places.put(place('stays', 'one', 901))
  places.beginRound()
  places.put(place('stays', 'one', 2))
  places.put(place('stays', 'one', 1))
  places.put(place('new', 'one', 3))
  places.endRound()
  t.is(places.find('client', 'gone'), undefined)
  t.is(places.find('client', 'stays')?.revision, 2)
  t.is(places.size, 2)
})

test('places: beyond the bound nobody new is remembered, and it says so until a round has room for all', t => {
  const places = new Places('own', TTL_MS, 2)
  for (const client of ['a', 'b']) places.put(place(client, 'one', 1))
  t.false(places.isOverfull)
  places.put(place('c', 'one', 2))
  t.true(places.isOverfull)
  t.is(places.size, 2)
  places.put(place('a', 'one', 3))
  t.is(places.client('a')?.revision, 3, 'who is known is followed')
  places.beginRound()
  places.put(place('c', 'one', 2))
  t.true(places.isOverfull)
  places.endRound()
  places.beginRound()
  for (const client of ['a', 'c']) places.put(place(client, 'one', 4))
  places.endRound()
  t.is(places.size, 2)
})

test('places: whatever comes in which order, the indexes say what the entries say', t => {
  const step = fc.record({ client: fc.constantFrom('a', 'b', 'c'), broker: fc.constantFrom('own', 'one', 'two'), revision: fc.integer({ min: 1, max: 30 }), agent: fc.constantFrom(undefined, 'x', 'y'), kind: fc.constantFrom('put', 'put', 'put', 'remove', 'begin', 'end') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const places = new Places('own', TTL_MS)
      for (const broker of ['own', 'one', 'two']) places.heard(sign(broker), 0)
      for (const { client, broker, revision, agent, kind } of steps) {
        if (kind === 'put') places.put(place(client, broker, revision, { agent }))
        else if (kind === 'remove') places.remove(client, revision)
        else if (kind === 'begin') places.beginRound()
        else places.endRound()
        for (const each of places.all()) {
          const bySession = places.find('session', each.session)
          if ((bySession === each) === (each.broker === 'own')) return false
        }
        for (const name of ['x', 'y']) {
          const found = places.find('agent', name)
          if (found !== undefined && (places.client(found.client) !== found || found.agent !== name || found.broker === 'own')) return false
        }
      }
      return true
    }),
  )
  t.pass()
})

test('places: what is no entry of theirs is read as none', t => {
  const texts = ['', 'null', '[]', '7', '{}', '{"broker":"x"}', '{"broker":"x","instance":"i","principal":"p","session":"s","sinceMs":"0"}', '{"broker":"a b","instance":"i","principal":"p","session":"s","sinceMs":0}']
  for (const text of texts) {
    t.is(readPlace({ key: 'a', value: Buffer.from(text), revision: 1 }), undefined)
    t.is(readSign({ key: 'x', value: Buffer.from(text), revision: 1 }), undefined)
  }
  fc.assert(fc.property(fc.uint8Array(), fc.string(), (value, key) => readPlace({ key, value, revision: 1 }) === undefined && readSign({ key, value, revision: 1 }) === undefined))
})
