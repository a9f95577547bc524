// Stories of every store: demand, leases, and what consumers say of them.

import { setTimeout } from 'node:timers/promises'
import { withMoreTime } from '../../support/with-more-time.ts'
import { anotherQueue, attempted, upTo, withQueue, type Story } from './story.ts'

export function leasing(story: Story): void {
  withQueue(story, 'nothing is leased without demand, and no more than is demanded', {}, async (t, rig) => {
    await rig.stored(upTo(5))
    await rig.counted({ ready: 5, inFlight: 0 })
    t.is(rig.unexpected, 0)
    t.deepEqual((await rig.take(2)).map(({ text, attempt }) => [text, attempt]), [['m0', 1], ['m1', 1]])
    await rig.counted({ ready: 3, inFlight: 2 })
    t.is(rig.unexpected, 0)
  })

  withQueue(story, 'demand that comes first is met as messages come', {}, async (t, rig) => {
    rig.queue.demand(3)
    await rig.stored('m0')
    t.deepEqual((await rig.next()).map(({ text }) => text), ['m0'])
    await rig.stored(upTo(4).slice(1))
    t.deepEqual((await rig.next(2)).map(({ text }) => text), ['m1', 'm2'])
    await rig.counted({ ready: 1, inFlight: 3 })
    t.is(rig.unexpected, 0)
  })

  withQueue(story, 'demand is taken back as far as it has not been met', {}, async (t, rig) => {
    rig.queue.demand(5)
    await rig.stored(['m0'])
    await rig.next()
    rig.queue.demand(-5)
    await rig.stored(upTo(3).slice(1))
    await rig.counted({ ready: 2, inFlight: 1 })
    t.is(rig.unexpected, 0)
    // One was leased already when five were taken back: that one is owed.
    rig.queue.demand(2)
    t.deepEqual(attempted(await rig.next()), ['m1 #1'])
    await rig.counted({ ready: 1, inFlight: 2 })
    t.is(rig.unexpected, 0)
  })

  withQueue(story, 'what is acknowledged is gone for good', {}, async (t, rig) => {
    await rig.stored(upTo(3))
    const messages = await rig.take(3)
    await rig.does('ack', messages.slice(0, 2))
    await rig.counted({ inFlight: 1, acked: 2 })
    t.deepEqual(await rig.settle({ position: messages[0]!.position, attempt: 1, verdict: 'ack' }), { lost: [messages[0]!.position] }, 'a second time the lease is lost')
    await rig.counted({ inFlight: 1, acked: 2 })
  })

  withQueue(story, 'what is nacked comes again with the next attempt', {}, async (t, rig) => {
    const [position] = await rig.stored('m')
    const [first] = await rig.take()
    rig.queue.demand(1)
    await rig.does('nak', [first!], { delayMs: 0, reason: 'not now' })
    const [second] = await rig.next()
    t.like(second, { position: position!, attempt: 2, text: 'm' })
    t.deepEqual(await rig.settle({ position: position!, attempt: 1, verdict: 'ack' }), { lost: [position!] }, 'the first lease is not held any more')
    t.like(await rig.event('retry', position!), { attempt: 1, reason: 'not now' })
    await rig.does('ack', [second!])
    await rig.counted({ ready: 0, inFlight: 0, acked: 1, retried: 1 })
  })

  withQueue(story, 'a nak with a delay comes when it is over, and not before', {}, async (t, rig) => {
    await rig.stored('m')
    const [first] = await rig.take()
    const nackedAt = Date.now()
    await rig.does('nak', [first!], { delayMs: 150 })
    const [second] = await rig.take()
    t.is(second!.attempt, 2)
    t.true(Date.now() - nackedAt >= 145, `after ${Date.now() - nackedAt} ms`)
  })

  withQueue(story, 'what has a time to come and what was nacked with a delay count as delayed', {}, async (_, rig) => {
    await rig.stored('published late', { dueAtMs: Date.now() + 3_600_000 })
    await rig.stored(['nacked', 'ready'])
    await rig.does('nak', await rig.take(), { delayMs: 3_600_000 })
    await rig.counted({ ready: 1, delayed: 2, inFlight: 0 })
  })

  withQueue(story, 'a nak without a delay waits as the retry policy says', { retry: { backoff: [20, 200], maxAttempts: 5 } }, async (t, rig) => {
    const [position] = await rig.stored('m')
    for (const [attempt, delayMs] of [[1, 20], [2, 200], [3, 200]] as const) {
      const [message] = await rig.take()
      t.is(message!.attempt, attempt)
      const nackedAt = Date.now()
      await rig.does('nak', [message!])
      // The store handled it in between, by a clock of its own.
      const handledAt = rig.events.filter(({ event }) => event === 'retry')[attempt - 1]!.dueAtMs! - delayMs
      t.true(handledAt >= nackedAt - 2 && handledAt <= Date.now() + 2, `attempt ${attempt} is due ${handledAt - nackedAt} ms more than ${delayMs} after the nak`)
    }
    t.is((await rig.take())[0]!.position, position!)
  })

  withQueue(story, 'a consumer that says nothing loses its lease after the ack wait', { ackWaitMs: 60 }, async (t, rig) => {
    const [position] = await rig.stored('m')
    const [first] = await rig.take()
    const [second] = await rig.take()
    t.like(second, { position: position!, attempt: 2 })
    t.like(await rig.event('retry', position!), { attempt: 1, reason: 'ack wait over' })
    t.deepEqual((await rig.settle({ ...first!, verdict: 'ack' })).lost, [position!])
    t.true((await rig.counts()).acked === 0)
  })

  story('working begins the ack wait anew', async (t, world) => {
    const wasInTime = await withMoreTime(100, async ackWaitMs => {
      const rig = await anotherQueue(t, world, `${ackWaitMs}`, { ackWaitMs })
      const [position] = await rig.stored('slow')
      const [message] = await rig.take()
      await setTimeout(ackWaitMs / 2)
      const saidAt = performance.now()
      if ((await rig.settle({ ...message!, verdict: 'working' })).lost.length > 0) return false
      t.deepEqual(attempted(await rig.take()), ['slow #2'])
      t.true(performance.now() - saidAt >= ackWaitMs - 5, `after ${performance.now() - saidAt} of ${ackWaitMs} ms`)
      t.deepEqual((await rig.settle({ ...message!, verdict: 'working' })).lost, [position!])
      return true
    })
    t.true(wasInTime, 'it always came too late')
  })

  withQueue(story, 'what is released was not delivered: the attempt does not count', { retry: { maxAttempts: 1 } }, async (t, rig) => {
    const [position] = await rig.stored('m')
    for (let i = 0; i < 5; i++) {
      const [message] = await rig.take()
      t.like(message, { position: position!, attempt: 1 })
      await rig.does('release', [message!])
      await rig.counted({ ready: 1, inFlight: 0, deadLetters: 0 })
    }
  })

  withQueue(story, 'no more are on lease at a time than maxAckPending', { maxAckPending: 3 }, async (t, rig) => {
    await rig.stored(upTo(5))
    const messages = await rig.take(3)
    rig.queue.demand(10)
    await rig.counted({ ready: 2, inFlight: 3 })
    t.is(rig.unexpected, 0)
    await rig.does('ack', messages.slice(0, 1))
    t.deepEqual((await rig.next()).map(({ text }) => text), ['m3'])
    await rig.counted({ ready: 1, inFlight: 3 })
  })

  withQueue(story, 'a message with a time to come is leased then, and not before', {}, async (t, rig) => {
    const dueAtMs = Date.now() + 200
    const [position] = await rig.stored('later', { dueAtMs })
    const [message] = await rig.take()
    t.true(Date.now() >= dueAtMs - 2, `${dueAtMs - Date.now()} ms too early`)
    t.like(message, { position: position!, attempt: 1, text: 'later' })
    await rig.stored('past', { dueAtMs: Date.now() - 1000 })
    t.is((await rig.take())[0]!.text, 'past')
  })

  withQueue(story, 'what has begun to wait for its time does not hold up what comes after', {}, async (t, rig) => {
    await rig.stored(upTo(300).map(text => `late ${text}`), { dueAtMs: Date.now() + 3_600_000 })
    await rig.stored(upTo(300))
    const messages = await rig.take(300)
    t.deepEqual(messages.map(({ text }) => text), upTo(300))
    await rig.counted({ delayed: 300, inFlight: 300, ready: 0 })
  })

  withQueue(story, 'paused, nothing is leased, and what is on lease can be settled', {}, async (t, rig) => {
    await rig.stored(upTo(3))
    const [message] = await rig.take()
    await rig.queue.pause(true)
    t.true(rig.queue.isPaused)
    rig.queue.demand(2)
    await rig.does('ack', [message!])
    await rig.stored('m3')
    await rig.counted({ ready: 3, inFlight: 0 })
    t.is(rig.unexpected, 0)
    await rig.queue.pause(false)
    t.deepEqual((await rig.next(2)).map(({ text }) => text), ['m1', 'm2'])
  })
}
