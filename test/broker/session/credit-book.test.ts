import test from 'ava'
import fc from 'fast-check'
import { CreditBook } from '../../../broker/session/credit-book.ts'

const WINDOW = 1000

test('credit: nobody gets more than the window ahead of what was passed on, and everything comes back', t => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('send' as const), subject: fc.constantFrom('a', 'b', 'c'), bytes: fc.integer({ min: 1, max: 1500 }) }),
    fc.record({ kind: fc.constant('hold' as const), subject: fc.constantFrom('a', 'b', 'c'), receiver: fc.nat({ max: 2 }) }),
    fc.record({ kind: fc.constant('release' as const), receiver: fc.nat({ max: 2 }) }),
  )
  const receivers = [{}, {}, {}]
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), steps => {
      const book = new CreditBook(WINDOW)
      const left = new Map(['a', 'b', 'c'].map(subject => [subject, WINDOW]))
      const held = new Map(['a', 'b', 'c'].map(subject => [subject, new Set<number>()]))
      const take = (grants: ReturnType<CreditBook['passedOn']>): void => {
        for (const [subject, bytes] of grants) {
          t.is(held.get(subject)!.size, 0, 'nothing is granted while a receiver is behind')
          left.set(subject, left.get(subject)! + bytes)
        }
      }
      for (const each of steps) {
        if (each.kind === 'send') {
          const { subject, bytes } = each
          const isEnough = left.get(subject)! >= Math.min(bytes, WINDOW / 2)
          t.is(book.spend(subject, bytes), isEnough)
          if (!isEnough) continue
          left.set(subject, left.get(subject)! - bytes)
          take(book.passedOn(subject))
        } else if (each.kind === 'hold') {
          held.get(each.subject)!.add(each.receiver)
          book.hold(each.subject, receivers[each.receiver]!)
        } else {
          for (const set of held.values()) set.delete(each.receiver)
          take(book.release(receivers[each.receiver]!))
        }
        for (const [subject, bytes] of left) if (held.get(subject)!.size === 0) t.true(bytes > WINDOW / 2, 'a subject that is not held never runs dry')
      }
      for (const set of held.values()) set.clear()
      for (const receiver of receivers) take(book.release(receiver))
    }),
  )
})

test('credit: many subjects with little used are granted rather than remembered for ever', t => {
  const book = new CreditBook(WINDOW)
  let granted = 0
  for (let i = 0; i < 20_000; i++) {
    t.true(book.spend(`s${i}`, 1))
    granted += book.passedOn(`s${i}`).length
  }
  t.true(granted > 15_000)
})

test('credit: a message of any size can be sent once what came before was passed on', t => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3 * WINDOW }), { maxLength: 50 }), sizes => {
      const book = new CreditBook(WINDOW)
      for (const bytes of sizes) {
        t.true(book.spend('a', bytes))
        book.passedOn('a')
      }
    }),
  )
})
