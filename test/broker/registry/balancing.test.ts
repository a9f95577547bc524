// Who gets a request: properties that hold whatever comes and goes.

import test from 'ava'
import fc from 'fast-check'
import type { InstanceHealth, RegistrationHandle } from '../../../broker/ground/registry.ts'
import type { Instance } from '../../../broker/registry/instance.ts'
import type { Service } from '../../../broker/registry/service.ts'
import { owner, registry } from '../../support/instances.ts'

type Step = { readonly kind: 'request' } | { readonly kind: 'answer'; readonly which: number } | { readonly kind: 'join'; readonly weight: number } | { readonly kind: 'leave'; readonly which: number } | { readonly kind: 'health'; readonly which: number; readonly health: InstanceHealth }

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Step>({ kind: 'request' }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('answer' as const), which: fc.nat(100) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('join' as const), weight: fc.integer({ min: 1, max: 1000 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), which: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('health' as const), which: fc.nat(100), health: fc.constantFrom<InstanceHealth>('healthy', 'unhealthy', 'starting', 'draining') }) },
  ),
  { maxLength: 120 },
)

// The rule, said plainly: of those that may, the healthy first, nobody has less to do for its weight.
function isFair(chosen: Instance | undefined, all: readonly Instance[]): boolean {
  const may = all.filter(({ health }) => health === 'healthy')
  const among = may.length > 0 ? may : all.filter(({ health }) => health === 'unhealthy')
  if (chosen === undefined) return among.length === 0
  return among.includes(chosen) && among.every(each => chosen.outstanding * each.weight <= each.outstanding * chosen.weight)
}

test('least outstanding: whoever is chosen has the least to do for its weight, whatever came before', t => {
  fc.assert(
    fc.property(steps, list => {
      const found = registry()
      const handles: RegistrationHandle[] = []
      const open: Instance[] = []
      let joined = 0
      for (const step of list) {
        const service = found.service('a')
        const instances = [...(service?.instances.values() ?? [])]
        if (step.kind === 'join') handles.push(found.register(owner(++joined), { name: 'a', weight: step.weight }))
        else if (step.kind === 'request') {
          const chosen = service?.choose(undefined, 'me', 0)
          if (!isFair(chosen, instances)) return false
          chosen?.began()
          if (chosen !== undefined) open.push(chosen)
        } else if (step.kind === 'answer' && open.length > 0) open.splice(step.which % open.length, 1)[0]!.ended(0, 'answered')
        else if (handles.length > 0 && step.kind === 'leave') handles.splice(step.which % handles.length, 1)[0]!.end()
        else if (handles.length > 0 && step.kind === 'health') handles[step.which % handles.length]!.update({ health: step.health })
      }
      return true
    }),
    { numRuns: 300 },
  )
  t.pass()
})

test('round robin: in any row of as many requests as there are instances each gets one', t => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5 }), (count, rounds) => {
      const found = registry({ balancing: 'round_robin' })
      for (let i = 1; i <= count; i++) found.register(owner(i), { name: 'a' })
      const service = found.service('a')!
      for (let round = 0; round < rounds; round++) if (new Set(chosen(service, count)).size !== count) return false
      return true
    }),
  )
  t.pass()
})

test('weights: requests one after the other are shared out by weight, to within one turn each', t => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 }), fc.constantFrom('round_robin' as const, 'least_outstanding' as const), (weights, balancing) => {
      const found = registry({ balancing })
      for (const [i, weight] of weights.entries()) found.register(owner(i + 1), { name: 'a', weight })
      const sum = weights.reduce((a, b) => a + b, 0)
      const got = chosen(found.service('a')!, 3 * sum)
      return weights.every((weight, i) => Math.abs(got.filter(id => id === `client-${i + 1}`).length - 3 * weight) <= weights.length)
    }),
  )
  t.pass()
})

test('weights of versions: a canary gets its share however many instances the others have, and all of it where it is alone', t => {
  const found = registry({ services: { a: { balancing: undefined, weights: { '^2': 25 } } } })
  const old = [1, 2, 3].map(i => found.register(owner(i), { name: 'a', version: '1.0.0' }))
  found.register(owner(4), { name: 'a', version: '2.0.0' })
  const service = found.service('a')!
  const open: Instance[] = []
  // Under load too: what the canary has open does not count against the others.
  for (let i = 0; i < 1000; i++) {
    const each = service.choose(undefined, 'me', 0)!
    each.began()
    open.push(each)
  }
  t.is(open.filter(({ instance }) => instance === 'client-4').length, 200)
  t.true(open.filter(({ instance }) => instance === 'client-1').length - 267 <= 1)
  for (const each of open) each.ended(0, 'answered')
  for (const each of old) each.end()
  t.deepEqual([...new Set(chosen(service, 10))], ['client-4'])
})

test('weights of versions: a weight of 0 gets nothing while there is another', t => {
  const found = registry({ services: { a: { balancing: undefined, weights: { '^2': 0 } } } })
  const old = found.register(owner(1), { name: 'a', version: '1.0.0' })
  found.register(owner(2), { name: 'a', version: '2.0.0' })
  const service = found.service('a')!
  t.deepEqual([...new Set(chosen(service, 20))], ['client-1'])
  old.end()
  t.deepEqual([...new Set(chosen(service, 20))], ['client-2'])
})

test('sticky: a key stays where it is, and an instance that comes or goes moves its own keys alone, about 1/n of them', t => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(1000), (count, salt) => {
      const found = registry({ balancing: 'sticky' })
      const handles = Array.from({ length: count }, (_, i) => found.register(owner(i + 1), { name: 'a', instance: `host-${salt}-${i}` }))
      const service = found.service('a')!
      const keys = Array.from({ length: 2000 }, (_, i) => `key-${salt}-${i}`)
      const placed = (): (string | undefined)[] => keys.map(affinity => service.choose({ version: undefined, affinity }, 'me', 0)?.instance)
      const before = placed()
      const gone = handles[salt % count]!
      const { instance } = gone.info
      gone.end()
      const after = placed()
      const moved = keys.filter((_, i) => before[i] !== after[i])
      // Exactly those that it had, and not more of them than its share, 1/n, but for what 100 points each make it uneven: 10 %, five times that at most.
      if (keys.some((_, i) => (before[i] === instance) !== (before[i] !== after[i]))) return false
      if (moved.length > (keys.length / count) * 1.5 + 3 * Math.sqrt(keys.length / count)) return false
      found.register(owner(99), { name: 'a', instance })
      return placed().every((each, i) => each === before[i])
    }),
    { numRuns: 40 },
  )
  t.pass()
})

test('sticky: on average a change moves no more than 1/n of the keys', t => {
  const [count, keys] = [10, Array.from({ length: 10_000 }, (_, i) => `user-${i}`)]
  const found = registry({ balancing: 'sticky' })
  const handles = Array.from({ length: count }, (_, i) => found.register(owner(i + 1), { name: 'a' }))
  const service = found.service('a')!
  const placed = (): (string | undefined)[] => keys.map(affinity => service.choose({ version: undefined, affinity }, 'me', 0)?.instance)
  const before = placed()
  let moved = 0
  for (const handle of handles) {
    handle.update({ health: 'draining' })
    const after = placed()
    moved += keys.filter((_, i) => before[i] !== after[i]).length
    handle.update({ health: 'healthy' })
  }
  t.is(moved, keys.length, 'each key moves once, when the instance that has it goes: 1/n of them for each')
  t.deepEqual(placed(), before)
})

test('sticky: without a key of its own a client is the key, and a key holds under any balancing', t => {
  const sticky = registry({ balancing: 'sticky' })
  const turns = registry({ balancing: 'round_robin' })
  for (let i = 1; i <= 5; i++) for (const found of [sticky, turns]) found.register(owner(i), { name: 'a' })
  t.is(new Set(chosen(sticky.service('a')!, 20)).size, 1)
  t.is(new Set(chosen(turns.service('a')!, 20)).size, 5)
  const held = Array.from({ length: 20 }, () => turns.service('a')!.choose({ version: undefined, affinity: 'k' }, 'me', 0)!.instance)
  t.is(new Set(held).size, 1)
})

test('wishes: a range picks among the versions in it, also those that come later, and who asks may be left out', t => {
  const found = registry()
  found.register(owner(1), { name: 'a', version: '1.2.0' })
  const second = found.register(owner(2), { name: 'a', version: '2.0.0' })
  const service = found.service('a')!
  const of = (version: string, except = 0): string | undefined => service.choose({ version, affinity: undefined }, 'me', except)?.instance
  t.is(of('^2'), 'client-2')
  t.is(of('^3'), undefined)
  found.register(owner(3), { name: 'a', version: '3.0.0' })
  t.is(of('^3'), 'client-3')
  t.is(of('^3', 3), undefined)
  second.update({ version: '3.1.0' })
  t.is(of('^2'), undefined)
  t.is(of('^3', 3), 'client-2')
  for (let i = 0; i < 40; i++) t.is(of(`1.2.${i}`), i === 0 ? 'client-1' : undefined)
  t.is(of('^1'), 'client-1')
  t.throws(() => service.check({ version: 'newest', affinity: undefined }), { code: 'registry.bad_version' })
})

test('health: unhealthy instances are the last resort, starting and draining ones get nothing', t => {
  const found = registry()
  const [one, two] = [1, 2].map(i => found.register(owner(i), { name: 'a' }))
  const service = found.service('a')!
  one!.observe('unhealthy')
  t.deepEqual(chosen(service, 3), ['client-2', 'client-2', 'client-2'])
  two!.update({ health: 'draining' })
  t.deepEqual(chosen(service, 1), ['client-1'])
  one!.observe('starting')
  t.deepEqual(chosen(service, 1), [undefined])
  one!.observe(undefined)
  t.deepEqual(chosen(service, 1), ['client-1'])
})

function chosen(service: Service, count: number): (string | undefined)[] {
  return Array.from({ length: count }, () => {
    const each = service.choose(undefined, 'me', 0)
    each?.began()
    each?.ended(0, 'answered')
    return each?.instance
  })
}
