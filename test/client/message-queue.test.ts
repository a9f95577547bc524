import test from 'ava'
import fc from 'fast-check'
import { MessageQueue } from '../../client/message-queue.ts'

test('message queue: every item is read once, in order, however pushes and reads alternate', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: -40, max: 40 }), { maxLength: 60 }), async steps => {
      const queue = new MessageQueue<number>()
      let pushed = 0
      const reads: Promise<IteratorResult<number, undefined>>[] = []
      for (const step of steps) {
        for (let i = 0; i < step; i++) queue.push(pushed++)
        for (let i = step; i < 0; i++) reads.push(queue.next())
      }
      t.is(queue.size, Math.max(0, pushed - reads.length))
      queue.end()
      const results = await Promise.all(reads)
      const values = results.filter(({ done }) => done !== true).map(({ value }) => value)
      t.deepEqual(values, Array.from({ length: Math.min(pushed, reads.length) }, (_, n) => n))
    }),
  )
})

test('message queue: more items than are kept in one piece', async t => {
  const queue = new MessageQueue<number>()
  for (let n = 0; n < 5000; n++) queue.push(n)
  queue.end()
  for (let n = 0; n < 5000; n++) t.is((await queue.next()).value, n)
  t.true((await queue.next()).done)
  await queue.finished
})

test('message queue: an error comes once, after what waited', async t => {
  const queue = new MessageQueue<number>()
  queue.push(1)
  queue.end(new Error('gone'))
  t.is((await queue.next()).value, 1)
  await t.throwsAsync(queue.next(), { message: 'gone' })
  t.true((await queue.next()).done)
})

test('message queue: drop ends readers and forgets what waited', async t => {
  const queue = new MessageQueue<number>()
  queue.push(1)
  queue.drop()
  queue.push(2)
  t.is(queue.size, 0)
  t.true((await queue.next()).done)
  await queue.finished
})

test('message queue: what waits can be taken without waiting, or thrown away, and more may come', async t => {
  const queue = new MessageQueue<number>()
  t.is(queue.take(), undefined)
  for (const n of [1, 2, 3]) queue.push(n)
  t.is(queue.take(), 1)
  queue.clear()
  t.deepEqual([queue.size, queue.take()], [0, undefined])
  queue.push(4)
  queue.end()
  t.is(queue.take(), 4)
  await queue.finished
})

test('message queue: one that was ended is finished when what waited is thrown away', async t => {
  const queue = new MessageQueue<number>()
  queue.push(1)
  queue.end()
  queue.clear()
  await queue.finished
  t.true((await queue.next()).done)
})
