import test from 'ava'
import fc from 'fast-check'
import { dependencyOrder, type Dependent } from '../../../broker/ground/dependency-order.ts'

const names = (dependents: readonly Dependent[]): string[] => {
  const found = dependencyOrder(dependents)
  return 'order' in found ? found.order.map(({ name }) => name) : ['cycle', ...found.cycle]
}

/** Up to 12, each of which may depend on any of them. */
const any = fc.integer({ min: 1, max: 12 }).chain(count => fc.array(fc.uniqueArray(fc.nat(count - 1), { maxLength: 4 }), { minLength: count, maxLength: count })).map(lists => lists.map((on, at): Dependent => ({ name: `a${at}`, dependsOn: on.map(other => `a${other}`) })))

test('dependency order: without dependencies it is the order given, and what nothing is called is passed over', t => {
  t.deepEqual(names([{ name: 'b', dependsOn: [] }, { name: 'a', dependsOn: ['nobody'] }]), ['b', 'a'])
  t.deepEqual(names([{ name: 'web', dependsOn: ['store', 'cache'] }, { name: 'cache', dependsOn: ['store'] }, { name: 'store', dependsOn: [] }]), ['store', 'cache', 'web'])
  t.deepEqual(names([]), [])
})

test('dependency order: a cycle is told by the names along it, also one of a single name', t => {
  t.deepEqual(names([{ name: 'x', dependsOn: ['a'] }, { name: 'a', dependsOn: ['b'] }, { name: 'b', dependsOn: ['c'] }, { name: 'c', dependsOn: ['a'] }]), ['cycle', 'a', 'b', 'c', 'a'])
  t.deepEqual(names([{ name: 'a', dependsOn: ['a'] }]), ['cycle', 'a', 'a'])
})

test('dependency order: each stands once and behind what it depends on, or the cycle is one', t => {
  fc.assert(fc.property(any, dependents => {
    const on = new Map(dependents.map(({ name, dependsOn }) => [name, dependsOn]))
    const found = dependencyOrder(dependents)
    if ('cycle' in found) {
      t.is(found.cycle[0], found.cycle.at(-1))
      t.true(found.cycle.length >= 2)
      for (const [at, name] of found.cycle.slice(0, -1).entries()) t.true(on.get(name)!.includes(found.cycle[at + 1]!))
      return
    }
    t.is(found.order.length, dependents.length)
    const place = new Map(found.order.map(({ name }, at) => [name, at]))
    for (const { name, dependsOn } of dependents) for (const other of dependsOn) t.true(place.get(other)! < place.get(name)!)
  }), { numRuns: 500 })
})

test('dependency order: whoever depends only on those before it causes no cycle, however long the chain is', t => {
  const chain = Array.from({ length: 20_000 }, (_, at): Dependent => ({ name: `a${at}`, dependsOn: at === 0 ? [] : [`a${at - 1}`] }))
  t.deepEqual(names(chain.toReversed()), chain.map(({ name }) => name))
})
