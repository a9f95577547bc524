import test from 'ava'
import fc from 'fast-check'
import { Interest } from '../../../broker/routing/interest.ts'
import { naivelyMatches, patternTokens, subjectTokens } from '../../support/patterns.ts'

interface Entry {
  readonly pattern: readonly string[]
}

function matching(interest: Interest<Entry>, subject: readonly string[]): Entry[] {
  const found: Entry[] = []
  interest.match(subject, entry => found.push(entry))
  return found
}

test('interest: the trie finds what a naive matcher finds, after adds and removes in any order', t => {
  const step = fc.record({ isRemoval: fc.boolean(), pattern: patternTokens, pick: fc.nat() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(subjectTokens, { maxLength: 12 }), (steps, subjects) => {
      const interest = new Interest<Entry>()
      const entries: Entry[] = []
      for (const { isRemoval, pattern, pick } of steps) {
        if (isRemoval && entries.length > 0) {
          const [entry] = entries.splice(pick % entries.length, 1)
          t.true(interest.remove(entry!.pattern, entry!))
        } else {
          const entry = { pattern }
          entries.push(entry)
          interest.add(pattern, entry)
        }
        t.is(interest.size, entries.length)
      }
      for (const subject of subjects) {
        const expected = entries.filter(({ pattern }) => naivelyMatches(pattern, subject))
        const found = matching(interest, subject)
        t.is(found.length, expected.length)
        t.true(expected.every(entry => found.includes(entry)))
      }
    }),
  )
})

test('interest: an entry is held once, and removed once', t => {
  const interest = new Interest<Entry>()
  const entry = { pattern: ['a', '*'] }
  interest.add(entry.pattern, entry)
  interest.add(entry.pattern, entry)
  t.is(interest.size, 1)
  t.true(interest.remove(entry.pattern, entry))
  t.false(interest.remove(entry.pattern, entry))
  t.is(interest.size, 0)
})

test('interest: > matches one token or more, never none', t => {
  const interest = new Interest<Entry>()
  const entry = { pattern: ['a', '>'] }
  interest.add(entry.pattern, entry)
  t.deepEqual(matching(interest, ['a', 'b']), [entry])
  t.deepEqual(matching(interest, ['a', 'b', 'c']), [entry])
  t.deepEqual(matching(interest, ['a']), [])
})
