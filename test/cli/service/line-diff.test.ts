import test from 'ava'
import fc from 'fast-check'
import { lineDiff } from '../../../cli/service/line-diff.ts'

test('line diff: lines that went, came and changed, with the line before', t => {
  t.deepEqual(lineDiff('a\nb\nc\nd', 'a\nb\nC\nd\ne'), ['  b', '- c', '+ C', '  d', '+ e'])
  t.deepEqual(lineDiff('a', ''), ['- a', '+ '])
})

test('line diff: the lines that are not taken away and those that are added make the new text', t => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 }).map(lines => lines.join('\n'))
  fc.assert(
    fc.property(text, text, (before, after) => {
      const found = lineDiff(before, after)
      t.is(found.length === 0, before === after)
      const balance = (mark: string): number => found.filter(line => line.startsWith(mark)).length
      t.is(before.split('\n').length - balance('-') + balance('+'), after.split('\n').length)
      const added = found.filter(line => line.startsWith('+')).map(line => line.slice(2))
      t.true(added.every(line => after.split('\n').includes(line)))
    }),
  )
})
