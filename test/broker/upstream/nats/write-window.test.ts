import test from 'ava'
import fc from 'fast-check'
import { WriteWindow } from '../../../../broker/upstream/nats/write-window.ts'

test('write window: what is confirmed at once lets it grow to a mebibyte, what takes long makes it small', t => {
  const window = new WriteWindow()
  while (window.bytes < 1024 * 1024) t.true(window.confirmed(window.bytes, 1))
  t.false(window.confirmed(window.bytes, 1))
  while (window.bytes > 16 * 1024) t.true(window.confirmed(window.bytes, 1000))
  t.false(window.confirmed(window.bytes, 1000))
})

test('write window: small writes say nothing, and it stays within its bounds', t => {
  const window = new WriteWindow()
  const before = window.bytes
  t.false(window.confirmed(100, 1))
  t.false(window.confirmed(100, 5000))
  t.is(window.bytes, before)
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 2_000_000 }), fc.nat({ max: 5000 }))), writes => {
      const any = new WriteWindow()
      for (const [bytes, ms] of writes) {
        any.confirmed(bytes, ms)
        t.true(any.bytes >= 16 * 1024 && any.bytes <= 1024 * 1024)
      }
    }),
  )
})
