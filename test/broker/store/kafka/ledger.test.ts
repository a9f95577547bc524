// What a journal of a queue in Kafka comes to, whoever reads it.

import test from 'ava'
import fc from 'fast-check'
import { Ledger, type Fact, type JournalEvent } from '../../../../broker/store/kafka/ledger.ts'
import { RangeSet } from '../../../../broker/store/kafka/range-set.ts'

/** A journal as a list: what is written gets the next offset. */
class Paper {
  readonly events: JournalEvent[] = []

  write(by: string, fact: Fact): number {
    return this.events.push({ by, ...fact }) - 1
  }

  claim(by: string, at = this.events.length): number {
    return this.write(by, { claim: `broker ${by}`, at })
  }

  read(): { ledger: Ledger; held: boolean[] } {
    const ledger = new Ledger()
    return { ledger, held: this.events.map((event, offset) => ledger.take(event, offset)) }
  }
}

const seen = (ledger: Ledger, positions: readonly number[]): unknown => ({
  settled: ledger.settled.ranges, marks: positions.map(position => ledger.mark(position)), dead: [...ledger.dead], notes: [...ledger.notes], buried: ledger.buried,
})

test('kafka ledger: of two who claim at once the first one has it, and both know', t => {
  const paper = new Paper()
  const at = paper.events.length
  paper.claim('a', at)
  paper.claim('b', at)
  paper.write('b', { done: [1] })
  paper.write('a', { done: [2] })
  const { ledger, held } = paper.read()
  t.deepEqual(held, [true, false, false, true])
  t.is(ledger.owner?.by, 'a')
  t.deepEqual(ledger.settled.ranges, [[2, 2]])
})

test('kafka ledger: after a claim what the former owner writes holds no more', t => {
  const paper = new Paper()
  paper.claim('a')
  paper.write('a', { out: [1, 2] })
  paper.claim('b')
  paper.write('a', { done: [1] })
  paper.write('b', { out: [1] })
  const { ledger } = paper.read()
  t.false(ledger.settled.has(1))
  t.is(ledger.mark(1).deliveries, 2)
})

test('kafka ledger: a claim behind something that was not read is none', t => {
  const paper = new Paper()
  paper.claim('a')
  const at = paper.events.length
  paper.write('a', { beat: true })
  paper.claim('b', at)
  t.is(paper.read().ledger.owner?.by, 'a')
})

const position = fc.integer({ min: 1, max: 30 })
const fact: fc.Arbitrary<Fact> = fc.oneof(
  fc.record({ out: fc.array(position, { minLength: 1, maxLength: 5 }) }),
  fc.record({ done: fc.array(position, { minLength: 1, maxLength: 5 }) }),
  fc.record({ back: fc.tuple(position, fc.integer({ min: 1, max: 99 })) }),
  fc.record({ dead: fc.tuple(position, fc.nat({ max: 99 }), fc.nat({ max: 99 }), fc.nat({ max: 99 })) }),
  fc.record({ dug: fc.array(position, { minLength: 1, maxLength: 3 }) }),
  fc.record({ note: fc.tuple(fc.constantFrom('b1', 'b2'), fc.string()) }),
)

test('kafka ledger: all that is known, written down and read alone, is the same; half of it changes nothing', t => {
  fc.assert(fc.property(fc.array(fact, { maxLength: 60 }), facts => {
    const [whole, anew] = [new Paper(), new Paper()]
    whole.claim('a')
    for (const each of facts) whole.write('a', each)
    const { ledger } = whole.read()
    anew.claim('a')
    for (const part of ledger.parts()) anew.write('a', JSON.parse(JSON.stringify(part)) as Fact)
    const positions = Array.from({ length: 30 }, (_, i) => i + 1)
    t.deepEqual(seen(anew.read().ledger, positions), seen(ledger, positions))
    for (const part of ledger.parts().slice(0, -1)) whole.write('a', part)
    t.deepEqual(seen(whole.read().ledger, positions), seen(ledger, positions))
  }))
})

test('kafka ledger: a queue with more than one part of everything is whole again', t => {
  const [paper, anew] = [new Paper(), new Paper()]
  paper.claim('a')
  const odd = Array.from({ length: 20_000 }, (_, i) => 2 * i + 1)
  paper.write('a', { done: odd })
  paper.write('a', { out: odd.map(each => each + 1) })
  const parts = paper.read().ledger.parts()
  t.true(parts.length >= 6)
  t.true(parts.every(part => JSON.stringify(part).length < 700 * 1024), 'each fits into a record')
  anew.claim('a')
  for (const part of parts) anew.write('a', part)
  const { ledger } = anew.read()
  t.is(ledger.settled.ranges.length, 20_000)
  t.is(ledger.mark(40_000).deliveries, 1)
})

test('kafka ranges: they hold what was added and nothing else', t => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 40 })), numbers => {
    const [set, plain] = [new RangeSet(), new Set(numbers)]
    for (const number of numbers) set.add(number)
    for (let number = 0; number <= 41; number++) {
      t.is(set.has(number), plain.has(number))
      let free = number
      while (plain.has(free)) free++
      t.is(set.nextFree(number), free)
    }
    for (const [i, [first, last]] of set.ranges.entries()) t.true(first <= last && (i === 0 || set.ranges[i - 1]![1] + 1 < first), 'none touches the next one')
  }))
})
