import test from 'ava'
import { Checker } from '../../../bench/load/checker.ts'
import { patternBytes } from '../../../bench/load/payload.ts'
import { Problems } from '../../../bench/load/traffic.ts'

const payload = patternBytes(16)

function checked(numbers: readonly number[], change: Partial<{ subject: string; payload: Uint8Array }> = {}): readonly string[] {
  const problems = new Problems()
  const checker = new Checker({ receiver: 'receiver 0', subject: 's', payload, skipBytes: 8, firstNumber: 10, step: 5 }, problems)
  for (const number of numbers) checker.check({ number, subject: 's', payload, ...change })
  return problems.texts
}

test('checker: messages in their order pass', t => {
  t.deepEqual(checked([10, 15, 20]), [])
})

test('checker: a gap, a repetition and a swap are each told', t => {
  t.is(checked([10, 20]).length, 1)
  t.is(checked([10, 10]).length, 1)
  t.true(checked([15, 10]).length > 0)
})

test('checker: another subject or other payload bytes are told, the number within the payload is not compared', t => {
  t.is(checked([10], { subject: 'x' }).length, 1)
  t.is(checked([10], { payload: payload.with(15, 0) }).length, 1)
  t.is(checked([10], { payload: payload.subarray(0, 15) }).length, 1)
  t.is(checked([10], { payload: payload.with(0, 0) }).length, 0)
})
