import test from 'ava'
import { Ledger, makePayload } from '../../../bench/queue/payload.ts'

test('payload: 200 bytes that tell their number and when they were due', t => {
  const payload = makePayload(1, 1234.5)
  t.is(payload.length, 200)
  const ledger = new Ledger(0, 2)
  t.is(ledger.take(payload), 1234.5)
  t.deepEqual([ledger.taken, ledger.problems], [1, []])
})

test('ledger: what was published and came once is no problem, in any order', t => {
  const ledger = new Ledger(0, 3)
  const numbers = [ledger.next(), ledger.next(), ledger.next()]
  for (const number of numbers.toReversed()) ledger.take(makePayload(number, 0))
  ledger.close()
  t.deepEqual(ledger.problems, [])
})

test('ledger: what is missing, came twice, changed, or was never published is named', t => {
  const ledger = new Ledger(0, 3)
  for (let i = 0; i < 3; i++) ledger.next()
  ledger.take(makePayload(0, 0))
  ledger.take(makePayload(0, 0))
  ledger.take(makePayload(7, 0))
  ledger.take(makePayload(1, 0).subarray(1))
  const changed = makePayload(2, 0)
  changed[199] = 0
  ledger.take(changed)
  ledger.close()
  t.deepEqual(ledger.problems, [
    'message 0 came twice',
    'a message of 200 bytes came that nobody published',
    'a message of 199 bytes came that nobody published',
    'a message of 200 bytes came that nobody published',
    '2 of 3 messages were acknowledged and did not come',
  ])
})

test('ledger: numbers go on behind what others have published, which may come too', t => {
  const ledger = new Ledger(2, 1)
  t.is(ledger.next(), 2)
  for (const number of [0, 1, 2]) ledger.take(makePayload(number, 0))
  ledger.close()
  t.deepEqual(ledger.problems, [])
})
