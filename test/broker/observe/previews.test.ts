import test from 'ava'
import { Previews } from '../../../broker/observe/previews.ts'

test('previews: the beginning of a text, for the last thousand', t => {
  const previews = new Previews()
  previews.isEnabled = true
  previews.keep(0, 'x'.repeat(121))
  t.is(previews.of(0), `${'x'.repeat(120)}…`)
  for (let seq = 1; seq <= 1000; seq++) previews.keep(seq, `text ${seq}`)
  t.is(previews.of(0), undefined)
  t.is(previews.of(1), 'text 1')
  t.is(previews.of(1000), 'text 1000')
})

test('previews: turned off, all is forgotten', t => {
  const previews = new Previews()
  previews.isEnabled = true
  previews.keep(1, 'secret')
  previews.isEnabled = false
  t.is(previews.of(1), undefined)
  previews.isEnabled = true
  t.is(previews.of(1), undefined)
})
