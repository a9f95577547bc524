import test from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../broker/ground/errors.ts'
import type { SettleOutcome } from '../../../broker/ground/store.ts'
import type { Consumers } from '../../../broker/queues/consumers.ts'
import { consumerWorld, Reader, SlowStore } from '../../support/consumer-world.ts'

test('consumers: messages go to those with credit, one after another', t => {
  const { store, consumers } = consumerWorld(9)
  const [a, b, c] = [1, 2, 3].map(number => new Reader(number, consumers)) as [Reader, Reader, Reader]
  consumers.pull(a.consumer, 4)
  consumers.pull(b.consumer, 4)
  consumers.pull(c.consumer, 1)
  store.rest()
  for (const reader of [a, b, c]) while (reader.waiting.length > 0) reader.take(consumers)
  t.deepEqual([a, b, c].map(({ got }) => got.size), [4, 4, 1])
  t.deepEqual([a.consumer.credit, b.consumer.credit, c.consumer.credit, store.balance], [0, 0, 0, 0])
  t.is(consumers.inFlight, 9)
})

test('consumers: nothing more for one above high-water until it is below; others get what it does not take', t => {
  const { store, consumers } = consumerWorld(20)
  const slow = new Reader(1, consumers)
  slow.isHigh = true
  consumers.pull(slow.consumer, 10)
  store.rest()
  t.is(slow.waiting.length, 0)
  t.is(store.balance, 0, 'what it asked for was taken back')
  const quick = new Reader(2, consumers)
  consumers.pull(quick.consumer, 3)
  store.rest()
  t.is(consumers.inFlight, 3)
  slow.isHigh = false
  consumers.relieved(slow.consumer)
  store.rest()
  t.is(consumers.inFlight, 12, 'of its ten nine, then it is above high-water again')
})

test('consumers: of one that is gone, what was written counts as an attempt, what waited does not', t => {
  const { store, consumers, events } = consumerWorld(10)
  const reader = new Reader(1, consumers)
  consumers.pull(reader.consumer, 3)
  store.rest()
  reader.take(consumers)
  consumers.pull(reader.consumer, 2)
  store.rest()
  consumers.leave(reader.consumer)
  store.rest()
  t.deepEqual([1, 2, 3, 4, 5].map(position => store.attempts.get(position)), [1, 1, 1, 0, 0])
  t.deepEqual(events.slice(5).map(([event]) => event), ['nacked', 'nacked', 'nacked', 'released', 'released'])
  t.deepEqual([consumers.count, consumers.inFlight, reader.isEmptied], [0, 0, true])
  reader.drop(consumers)
  t.is(store.calls.length, 0, 'its outbound ends later, and there is nothing more to say')
})

test('consumers: what is dropped while it is handed over comes again, and its credit is demanded once', t => {
  const { store, consumers } = consumerWorld(10)
  const reader = new Reader(1, consumers)
  reader.isShedding = true
  consumers.pull(reader.consumer, 10)
  store.work()
  store.answer()
  t.deepEqual(store.demands, [10, 3, 3, 3, 1])
  reader.isShedding = false
  store.rest()
  t.is(consumers.inFlight, 9, 'then it is above high-water')
  t.true([...store.attempts.values()].every(attempts => attempts <= 1))
})

test('consumers: one that goes while another one is served gets nothing, and holds nothing', t => {
  const { store, consumers } = consumerWorld(4)
  const [a, b] = [new Reader(1, consumers), new Reader(2, consumers)]
  a.deliver = (messages, watch) => {
    consumers.leave(b.consumer)
    return Reader.prototype.deliver.call(a, messages, watch)
  }
  consumers.pull(a.consumer, 2)
  consumers.pull(b.consumer, 2)
  // Both are known to the store before it leases: all four come at once.
  store.calls.shift()!()
  store.rest()
  t.deepEqual([a.waiting.length, b.waiting.length, consumers.inFlight], [1, 0, 2])
  t.deepEqual([1, 2, 3, 4].map(position => store.attempts.get(position)), [1, 0, 1, 0])
  t.deepEqual(store.ready, [2, 4])
})

test('consumers: one that unsubscribed settles what it holds, then it is forgotten', t => {
  const { store, consumers } = consumerWorld(10)
  const reader = new Reader(1, consumers)
  consumers.pull(reader.consumer, 5)
  store.rest()
  consumers.pull(reader.consumer, 5)
  consumers.remove(reader.consumer)
  store.rest()
  while (reader.waiting.length > 0) reader.take(consumers)
  t.deepEqual([consumers.count, consumers.inFlight, reader.isEmptied], [0, 5, false])
  consumers.settle(reader.consumer, reader.some(5, 'ack'), outcome => t.deepEqual(outcome, { lost: [] }))
  store.rest()
  t.deepEqual([store.done.size, store.ready.length, consumers.inFlight, reader.isEmptied], [5, 5, 0, true])
})

test('consumers: nobody settles what is on lease to another, or with another attempt, or twice', t => {
  const { store, consumers } = consumerWorld(1)
  const [reader, thief] = [new Reader(1, consumers), new Reader(2, consumers)]
  consumers.pull(reader.consumer, 1)
  store.rest()
  const outcomes: SettleOutcome[] = []
  const note = (outcome: SettleOutcome): void => void outcomes.push(outcome)
  consumers.settle(thief.consumer, [{ position: 1, attempt: 1, verdict: 'ack' }], note)
  consumers.settle(reader.consumer, [{ position: 1, attempt: 2, verdict: 'ack' }], note)
  consumers.settle(reader.consumer, [{ position: 1, attempt: 1, verdict: 'ack' }, { position: 1, attempt: 1, verdict: 'nak' }], note)
  store.rest()
  t.deepEqual(outcomes, [{ lost: [1] }, { lost: [1] }, { lost: [1] }])
  t.deepEqual([...store.done], [1])
})

test('consumers: what the store could not settle may be settled again', t => {
  const { store, consumers } = consumerWorld(1)
  const reader = new Reader(1, consumers)
  consumers.pull(reader.consumer, 1)
  store.rest()
  store.fails = true
  consumers.settle(reader.consumer, [{ position: 1, attempt: 1, verdict: 'ack' }], ({ error }) => t.is(error?.code, 'store.failed'))
  store.rest()
  store.fails = false
  consumers.settle(reader.consumer, [{ position: 1, attempt: 1, verdict: 'ack' }], outcome => t.deepEqual(outcome, { lost: [] }))
  store.rest()
  t.plan(2)
})

test('consumers: what the store could not settle for a consumer that is gone meanwhile is free again', t => {
  const { store, consumers } = consumerWorld(1)
  const reader = new Reader(1, consumers)
  consumers.pull(reader.consumer, 1)
  store.rest()
  store.fails = true
  consumers.settle(reader.consumer, [{ position: 1, attempt: 1, verdict: 'ack' }], () => {})
  consumers.leave(reader.consumer)
  store.work()
  store.work()
  store.fails = false
  store.rest()
  t.deepEqual([consumers.inFlight, store.ready], [0, [1]])
})

test('consumers: a store that opens anew is asked for all that is wanted, and leases of before are lost', t => {
  const { store, consumers } = consumerWorld(3)
  const reader = new Reader(1, consumers)
  consumers.pull(reader.consumer, 10)
  store.rest()
  reader.take(consumers)
  consumers.close()
  consumers.settle(reader.consumer, reader.some(3, 'ack'), outcome => t.deepEqual(outcome.lost, [1, 2, 3]))
  const other = new SlowStore(20)
  other.listener = consumers
  consumers.open(other)
  other.rest()
  t.is(consumers.inFlight, 7)
})

test('consumers: whoever consumes a queue that is deleted is told', t => {
  const { store, consumers } = consumerWorld(3)
  const reader = new Reader(1, consumers)
  consumers.pull(reader.consumer, 2)
  store.rest()
  consumers.end(new BrokerError('channel.not_found', { channel: 'orders' }))
  t.is(reader.problem?.code, 'channel.not_found')
  t.deepEqual([consumers.count, consumers.inFlight], [0, 0])
})

type Step = readonly [what: 'join' | 'pull' | 'take' | 'drop' | 'ack' | 'nak' | 'working' | 'release' | 'forward' | 'remove' | 'leave' | 'work' | 'answer' | 'overdue' | 'fail' | 'shed', who: number, count: number]
const steps = fc.array(fc.tuple(fc.constantFrom<Step[0][]>('join', 'pull', 'pull', 'pull', 'take', 'take', 'drop', 'ack', 'ack', 'nak', 'working', 'release', 'forward', 'remove', 'leave', 'work', 'work', 'work', 'work', 'answer', 'answer', 'answer', 'answer', 'overdue', 'fail', 'shed'), fc.nat(3), fc.integer({ min: 1, max: 8 })), { maxLength: 120 })

test('consumers: in any order of events no message is on two leases, demand never exceeds credit, and nothing is forgotten', t => {
  fc.assert(
    fc.property(steps, list => {
      const size = 30
      const { store, consumers } = consumerWorld(size)
      const readers: Reader[] = []
      const gone = new Set<Reader>()
      for (const [what, who, count] of list) {
        const reader = readers[who % (readers.length || 1)]
        if (what === 'join') readers.push(new Reader(readers.length + 1, consumers))
        else if (what === 'work') store.work()
        else if (what === 'answer') store.answer()
        else if (what === 'overdue') store.overdue()
        else if (what === 'fail') store.fails = !store.fails
        else if (reader === undefined || gone.has(reader)) continue
        else if (what === 'shed') reader.isShedding = !reader.isShedding
        else if (what === 'pull') consumers.pull(reader.consumer, count)
        else if (what === 'take') reader.take(consumers)
        else if (what === 'drop') reader.drop(consumers)
        else if (what === 'remove') consumers.remove(reader.consumer)
        else if (what === 'leave') {
          gone.add(reader)
          consumers.leave(reader.consumer)
        } else if (what === 'forward') {
          for (const { position, attempt } of reader.some(1, 'ack')) consumers.forward(reader.consumer, { position, attempt, to: [] }, () => {})
        } else {
          const settlements = reader.some(count, what)
          if (what !== 'working') for (const { position } of settlements) reader.got.delete(position)
          consumers.settle(reader.consumer, settlements, () => {})
        }
        check(store, consumers, readers)
      }
      // Everybody leaves and the store works off what it was told: nothing is on lease, all is there or done.
      store.fails = false
      for (const reader of readers) consumers.leave(reader.consumer)
      store.rest()
      while (store.leases.size > 0) store.overdue()
      store.rest()
      same([consumers.inFlight, consumers.count, Math.max(0, store.balance)], [0, 0, 0])
      same([...store.ready, ...store.done].toSorted((a, b) => a - b), Array.from({ length: size }, (_, i) => i + 1))
      // And who comes now gets all that is left.
      const last = new Reader(99, consumers)
      consumers.pull(last.consumer, size)
      while (store.calls.length > 0 || store.answers.length > 0 || last.waiting.length > 0) {
        store.rest()
        last.take(consumers)
      }
      same(last.got.size, size - store.done.size)
    }),
    { numRuns: 400 },
  )
  t.pass()
})

// What was demanded and has not come is what those who take something now may still get, at any moment.
function check(store: SlowStore, consumers: Consumers, readers: readonly Reader[]): void {
  const held = readers.flatMap(({ consumer }) => [...consumer.leases].map(({ position }) => position))
  same(new Set(held).size, held.length, 'a message is on two leases')
  same(held.length, consumers.inFlight)
  const taking = readers.filter(({ consumer }) => consumer.isOpen && !consumer.isPaused)
  const credit = taking.reduce((sum, { consumer }) => sum + consumer.credit, 0)
  const open = store.demanded - store.told
  if (open !== credit) throw new Error(`${open} more may come, and there is credit for ${credit}`)
}

function same(actual: unknown, expected: unknown, message = 'differs'): void {
  const [a, b] = [actual, expected].map(value => JSON.stringify(value))
  if (a !== b) throw new Error(`${message}: ${a}, expected ${b}`)
}
