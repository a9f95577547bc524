import test from 'ava'
import fc from 'fast-check'
import { Permissions } from '../../../broker/security/permissions.ts'
import { naivelyMatches, patternTokens, subjectTokens } from '../../support/patterns.ts'

const rules = fc.record({ allow: fc.array(patternTokens, { maxLength: 4 }), deny: fc.array(patternTokens, { maxLength: 3 }) })
type Tokens = readonly string[]

function permissions(publish: { allow: Tokens[]; deny: Tokens[] }, subscribe = publish): Permissions {
  const text = ({ allow, deny }: typeof publish): { allow: string[]; deny: string[] } => ({ allow: allow.map(each => each.join('.')), deny: deny.map(each => each.join('.')) })
  return new Permissions({ name: 'me', roles: ['client'], publish: text(publish), subscribe: text(subscribe) }, 0)
}

function naively({ allow, deny }: { allow: Tokens[]; deny: Tokens[] }, subject: Tokens): boolean {
  return allow.some(each => naivelyMatches(each, subject)) && !deny.some(each => naivelyMatches(each, subject))
}

/** Every subject of up to four tokens that the patterns can tell apart; `z` stands for all other tokens. */
const subjects: Tokens[] = [['a'], ['b'], ['c'], ['$x'], ['ä'], ['z']]
for (let i = 0; subjects[i]!.length < 4; i++) subjects.push(...['a', 'b', 'c', '$x', 'ä', 'z'].map(token => [...subjects[i]!, token]))

test('permissions: agree with a naive reading of the rules, deny before allow', t => {
  fc.assert(
    fc.property(rules, rules, subjectTokens, (publish, subscribe, subject) => {
      const mine = permissions(publish, subscribe)
      t.is(mine.mayPublish(subject), naively(publish, subject))
      t.is(mine.mayReceive(subject), naively(subscribe, subject))
    }),
    { numRuns: 1000 },
  )
})

test('permissions: a pattern may be subscribed when something of it can be seen', t => {
  fc.assert(
    fc.property(rules, patternTokens, (subscribe, pattern) => {
      const isVisible = subjects.some(subject => naivelyMatches(pattern, subject) && naively(subscribe, subject))
      // The other way round several denials together may cover what none does alone: then it is subscribed in vain.
      if (isVisible) t.true(permissions(subscribe).maySubscribe(pattern))
      if (subscribe.deny.length === 0 && !isVisible) t.false(permissions(subscribe).maySubscribe(pattern))
    }),
    { numRuns: 300 },
  )
})

test('permissions: a pattern that one denial covers is refused', t => {
  const mine = permissions({ allow: [['>']], deny: [['a', '>'], ['b', '*']] })
  for (const [pattern, may] of [['a.b', false], ['a.>', false], ['a.*', false], ['a', true], ['b.c', false], ['b.*', false], ['b.>', true], ['*.c', true], ['>', true]] as const) {
    t.is(mine.maySubscribe(pattern.split('.')), may, pattern)
  }
})

test('permissions: nothing is allowed that no rule allows', t => {
  const mine = permissions({ allow: [], deny: [] })
  t.false(mine.mayPublish(['a']))
  t.false(mine.mayReceive(['a']))
  t.false(mine.maySubscribe(['>']))
})
