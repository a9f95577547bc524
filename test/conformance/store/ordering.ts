// Stories of every store: messages of one session are handled one after another, others in parallel.

import fc from 'fast-check'
import { attempted, withQueue, type Story } from './story.ts'
import { QueueRig, type Taken } from '../../support/queue-rig.ts'
import { until } from '../../support/until.ts'

const texts = (messages: readonly Taken[]): string[] => messages.map(({ text }) => text)
const order = { enabled: true, guarantee: 'per_session', timeoutMs: 60_000 } as const
const retry = { maxAttempts: 10 }

export function ordering(story: Story): void {
  withQueue(story, 'of each session one message is on lease, the next one when it is settled', { ordering: order }, async (t, rig) => {
    for (const text of ['a1', 'a2', 'b1', 'a3', 'b2']) await rig.stored(text, { session: text[0]! })
    rig.queue.demand(10)
    const [a1, b1] = await rig.next(2)
    t.deepEqual([a1!.text, b1!.text], ['a1', 'b1'])
    await rig.counted({ inFlight: 2, held: 3, ready: 0 })
    t.is(rig.unexpected, 0)
    await rig.does('ack', [a1!])
    t.deepEqual(texts(await rig.next()), ['a2'])
    await rig.does('term', [b1!])
    t.deepEqual(texts(await rig.next()), ['b2'])
    await rig.counted({ inFlight: 2, held: 1 })
  })

  withQueue(story, 'messages without a session go past those of sessions', { ordering: order }, async (t, rig) => {
    await rig.stored(['a1', 'a2'], { session: 'a' })
    await rig.stored(['x', 'y'])
    t.deepEqual(texts(await rig.take(3)), ['a1', 'x', 'y'])
    await rig.counted({ inFlight: 3, held: 1 })
  })

  withQueue(story, 'a message that failed blocks its session and no other', { ordering: order, retry }, async (t, rig) => {
    for (const session of ['a', 'b', 'c']) await rig.stored([`${session}1`, `${session}2`], { session })
    rig.queue.demand(10)
    const [a1, b1, c1] = await rig.next(3)
    await rig.does('nak', [a1!], { delayMs: 3_600_000 })
    await rig.does('nak', [c1!], { delayMs: 30 })
    await rig.does('ack', [b1!])
    const others = (await rig.next(2)).toSorted((one, other) => one.position - other.position)
    t.deepEqual(attempted(others), ['b2 #1', 'c1 #2'], 'c2 does not overtake it')
    await rig.does('ack', others)
    t.deepEqual(texts(await rig.next()), ['c2'])
    await rig.counted({ delayed: 1, held: 1, inFlight: 1 })
    t.is(rig.unexpected, 0)
  })

  withQueue(story, 'an ack wait that is over blocks only its session, too', { ordering: order, retry, ackWaitMs: 60 }, async (t, rig) => {
    const [position] = await rig.stored(['a1', 'a2'], { session: 'a' })
    await rig.take()
    await rig.event('retry', position!)
    // The next one holds its lease for as long as it takes.
    await rig.queue.change({ ...rig.settings, ackWaitMs: 60_000 })
    rig.queue.demand(10)
    const [again] = await rig.next()
    t.like(again, { text: 'a1', attempt: 2 })
    await rig.does('ack', [again!])
    t.deepEqual(texts(await rig.next()), ['a2'])
  })

  withQueue(story, 'a session waits no longer than the timeout for a message that failed', { ordering: { ...order, timeoutMs: 100 }, retry }, async (t, rig) => {
    await rig.stored(['a1', 'a2'], { session: 'a' })
    rig.queue.demand(10)
    const [a1] = await rig.next()
    await rig.does('nak', [a1!], { delayMs: 3_600_000 })
    t.deepEqual(texts(await rig.next()), ['a2'])
    await rig.counted({ delayed: 1, inFlight: 1, held: 0 })
  })

  withQueue(story, 'another order leaves what is on lease with whoever has it, and hands out all the rest', {}, async (t, rig) => {
    await rig.stored(['s1', 's2', 's3'], { session: 's' })
    const [s1, s2] = await rig.take(2)
    // One is acknowledged while the order changes.
    const acked = rig.does('ack', [s1!])
    await rig.queue.change({ ...rig.settings, ordering: { ...rig.settings.ordering, ...order } })
    await acked
    rig.queue.demand(5)
    await until(async () => (await rig.counts()).held === 1)
    await rig.counted({ acked: 1, inFlight: 1, ready: 0 })
    t.is(rig.unexpected, 0, 'nothing of the session while one of it is on lease')
    await rig.does('ack', [s2!])
    t.deepEqual(texts(await rig.next()), ['s3'])
    await rig.stored('t1', { session: 't' })
    t.deepEqual(texts(await rig.next()), ['t1'])
    await rig.counted({ acked: 2, inFlight: 2 })
    t.is(rig.unexpected, 0)
  })

  withQueue(story, 'a dead letter lets its session go on', { ordering: order, retry: { maxAttempts: 2 } }, async (t, rig) => {
    await rig.stored(['a1', 'a2'], { session: 'a' })
    rig.queue.demand(10)
    for (let attempt = 1; attempt <= 2; attempt++) await rig.does('nak', await rig.next(), { delayMs: 0 })
    t.deepEqual(texts(await rig.next()), ['a2'])
    await rig.counted({ deadLetters: 1, inFlight: 1 })
  })

  withQueue(story, 'per_queue: one message is on lease at all', { ordering: { ...order, guarantee: 'per_queue' }, retry }, async (t, rig) => {
    await rig.stored(['m0', 'm1', 'm2'])
    rig.queue.demand(10)
    const [first] = await rig.next()
    await rig.counted({ inFlight: 1, held: 2 })
    await rig.does('nak', [first!], { delayMs: 30 })
    const [again] = await rig.next()
    t.like(again, { text: 'm0', attempt: 2 })
    await rig.does('ack', [again!])
    const [second] = await rig.next()
    t.is(second!.text, 'm1')
    await rig.does('ack', [second!])
    t.deepEqual(texts(await rig.next()), ['m2'])
  })

  withQueue(story, 'numbered messages that come in disorder are put in order', { ordering: order }, async (t, rig) => {
    for (const sequence of [1, 3, 4, 2]) await rig.stored(`n${sequence}`, { session: 'a', sequence })
    rig.queue.demand(10)
    const seen: string[] = []
    while (seen.length < 4) {
      const [message] = await rig.next()
      seen.push(message!.text)
      await rig.does('ack', [message!])
    }
    t.deepEqual(seen, ['n1', 'n2', 'n3', 'n4'])
  })

  withQueue(story, 'a late number is waited for until the buffer is full or its time is over', { ordering: { ...order, bufferSize: 2, timeoutMs: 60_000 } }, async (t, rig) => {
    rig.queue.demand(10)
    for (const sequence of [1, 3, 4]) await rig.stored(`n${sequence}`, { session: 'a', sequence })
    const [one] = await rig.next()
    await rig.does('ack', [one!])
    await rig.counted({ held: 2, inFlight: 0 })
    t.is(rig.unexpected, 0)
    await rig.stored('n5', { session: 'a', sequence: 5 })
    const seen: string[] = []
    while (seen.length < 3) {
      const [message] = await rig.next()
      seen.push(message!.text)
      await rig.does('ack', [message!])
    }
    t.deepEqual(seen, ['n3', 'n4', 'n5'])
  })

  withQueue(story, 'a late number is waited for no longer than the timeout', { ordering: { ...order, timeoutMs: 120 } }, async (t, rig) => {
    rig.queue.demand(10)
    const storedAt = performance.now()
    await rig.stored('n2', { session: 'a', sequence: 2 })
    t.deepEqual(texts(await rig.next()), ['n2'])
    t.true(performance.now() - storedAt >= 115)
  })

  withQueue(story, 'order holds over a restart', { ordering: order, retry }, async (t, rig) => {
    await rig.stored(['a1', 'a2', 'a3'], { session: 'a' })
    await rig.take()
    await rig.reopen()
    rig.queue.demand(10)
    for (const [text, attempt] of [['a1', 2], ['a2', 1], ['a3', 1]] as const) {
      const [message] = await rig.next()
      t.is(message!.text, text)
      t.true(message!.attempt >= attempt)
      await rig.does('ack', [message!])
    }
  }, 'restart')

  story('sessions keep their order under any mixture of acks, naks and releases', async (t, world) => {
    const rig = await QueueRig.open(t, world, { ordering: order, retry: { maxAttempts: 0 } })
    const sessions = ['a', 'b', 'c']
    const verdicts = fc.sample(fc.constantFrom('ack', 'ack', 'nak', 'release', 'nak later'), { numRuns: 400, seed: 41 })
    for (let i = 0; i < 90; i++) await rig.stored(`${sessions[i % 3]}${i}`, { session: sessions[i % 3]! })
    const done = new Map<string, number>(sessions.map(session => [session, -1]))
    rig.queue.demand(90)
    for (let acked = 0, step = 0; acked < 90; step++) {
      const [message] = await rig.next()
      const [session, number] = [message!.text[0]!, Number(message!.text.slice(1))]
      t.true(number > done.get(session)!, `${message!.text} after ${done.get(session)!}`)
      t.is(number - (done.get(session)! < 0 ? sessions.indexOf(session) - 3 : done.get(session)!), 3, 'none is passed over')
      const verdict = verdicts[step % verdicts.length]!
      if (verdict === 'ack') {
        done.set(session, number)
        acked++
        await rig.does('ack', [message!])
      } else {
        rig.queue.demand(1)
        if (verdict === 'release') await rig.does('release', [message!])
        else await rig.does('nak', [message!], { delayMs: verdict === 'nak' ? 0 : 15 })
      }
    }
    await rig.counted({ ready: 0, held: 0, delayed: 0, inFlight: 0, acked: 90 })
  })
}
