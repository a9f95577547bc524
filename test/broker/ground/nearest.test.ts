import test from 'ava'
import fc from 'fast-check'
import { editDistance, nearest } from '../../../broker/ground/nearest.ts'

test('nearest: a letter missing, wrong, too much or swapped', t => {
  const keys = ['socket', 'server', 'timeout', 'maxConnections']
  for (const [typed, meant] of [['sokcet', 'socket'], ['serer', 'server'], ['timeoutt', 'timeout'], ['maxconections', 'maxConnections'], ['timelut', 'timeout']]) t.is(nearest(typed!, keys), meant)
})

test('nearest: another word has no neighbour', t => {
  t.is(nearest('colour', ['socket', 'server']), undefined)
  t.is(nearest('x', []), undefined)
  t.is(nearest('a'.repeat(1_000_000), ['aaaa']), undefined)
})

test('nearest: of very many words only the first are looked at, those of quite another length not counted', t => {
  const far = Array.from({ length: 100_000 }, (_, i) => `something-else-${i}`)
  t.is(nearest('wether', [...far, 'weather']), 'weather')
  const alike = Array.from({ length: 100_000 }, (_, i) => `${i}`.padStart(60, 'q'))
  let seen = 0
  const counted = function* (): Iterable<string> {
    for (const word of alike) {
      seen++
      yield word
    }
  }
  t.is(nearest('z'.repeat(60), counted()), undefined)
  t.true(seen < 100)
})

test('edit distance: known pairs', t => {
  const pairs: [string, string, number][] = [['', '', 0], ['', 'abc', 3], ['kitten', 'sitting', 3], ['ab', 'ba', 1], ['abcd', 'acbd', 1], ['flaw', 'lawn', 2]]
  for (const [a, b, distance] of pairs) t.is(editDistance(a, b), distance, `${a} ${b}`)
})

test('edit distance: zero for the same, the same both ways, at most the longer length', t => {
  const word = fc.string({ maxLength: 12 })
  fc.assert(fc.property(word, word, (a, b) => {
    const distance = editDistance(a, b)
    return distance === editDistance(b, a) && (distance === 0) === (a === b) && distance <= Math.max(a.length, b.length) && distance >= Math.abs(a.length - b.length)
  }))
  t.pass()
})
