// Stories of every store: what outlives that it is closed, and the queues that it keeps.

import type { BrokerError } from '../../../broker/ground/errors.ts'
import { attempted, upTo, withQueue, type Story } from './story.ts'
import { QueueRig, queueSettings } from '../../support/queue-rig.ts'
import { until } from '../../support/until.ts'

export function keeping(story: Story): void {
  withQueue(story, 'what was stored is there after a restart, what was acknowledged is not', {}, async (t, rig) => {
    const positions = await rig.stored(upTo(10))
    await rig.does('ack', await rig.take(4))
    await rig.reopen()
    await rig.counted({ ready: 6, inFlight: 0, acked: 4, stored: 10, lastPosition: positions.at(-1)! })
    t.deepEqual((await rig.take(6)).map(({ text, position }) => [text, position]), upTo(10).slice(4).map((text, i) => [text, positions[i + 4]!]))
    const [later] = await rig.stored('later')
    t.true(later! > positions.at(-1)!, 'no position is given twice')
  }, 'restart')

  withQueue(story, 'positions are not given twice when everything was acknowledged before the restart', {}, async (t, rig) => {
    const positions = await rig.stored(upTo(3))
    await rig.does('ack', await rig.take(3))
    await rig.reopen()
    const [later] = await rig.stored('later')
    t.true(later! > positions.at(-1)!)
  }, 'restart')

  withQueue(story, 'what was on lease is ready after a restart, its attempt counted', {}, async (t, rig) => {
    await rig.stored(upTo(2))
    await rig.does('nak', [(await rig.take(2))[0]!], { delayMs: 0 })
    await rig.take()
    await rig.reopen()
    const again = await rig.take(2)
    t.deepEqual(attempted(again), ['m0 #3', 'm1 #2'])
  }, 'restart', 'attempts over restarts')

  withQueue(story, 'dead letters and their history are there after a restart', { retry: { maxAttempts: 2 } }, async (t, rig) => {
    const [poison] = await rig.stored('poison')
    await rig.does('nak', await rig.take(), { delayMs: 0, reason: 'first' })
    await rig.reopen()
    await rig.does('nak', await rig.take(), { delayMs: 0, reason: 'second' })
    await rig.event('dead-lettered', poison!)
    await rig.reopen()
    const [dead] = await rig.queue.list({ which: 'dead', after: 0, limit: 10 })
    t.like(dead, { position: poison!, attempts: 2, lastError: 'second' })
    t.deepEqual(dead!.death!.history.map(({ error }) => error), ['first', 'second'])
    await rig.counted({ deadLetters: 1, deadLettered: 1 })
  }, 'restart', 'attempts over restarts', 'history over restarts')

  withQueue(story, 'dead letters are there after a restart, and can be replayed', {}, async (t, rig) => {
    await rig.stored(upTo(2))
    await rig.does('term', await rig.take(2), { reason: 'no' })
    await rig.reopen()
    await rig.counted({ deadLetters: 2, deadLettered: 2, ready: 0 })
    t.is(await rig.queue.replay('all'), 2)
    t.deepEqual(attempted(await rig.take(2)), ['m0 #1', 'm1 #1'])
  }, 'restart')

  withQueue(story, 'what has a time to come keeps it over a restart', {}, async (t, rig) => {
    const dueAtMs = Date.now() + 300
    await rig.stored('later', { dueAtMs })
    await rig.reopen()
    t.is((await rig.take())[0]!.text, 'later')
    t.true(Date.now() >= dueAtMs - 2)
  }, 'restart')

  withQueue(story, 'what has a time to live expires after a restart, though nobody asks for it', {}, async (t, rig) => {
    await rig.stored('mortal', { expiresAtMs: Date.now() + 300 })
    await rig.reopen()
    await until(async () => (await rig.counts()).deadLetters === 1)
    const [dead] = await rig.queue.list({ which: 'dead', after: 0, limit: 1 })
    t.is(dead!.death!.reason, 'expired')
  }, 'restart', 'expiry after restart')

  const deduplication = { enabled: true, windowMs: 60_000 }
  withQueue(story, 'ids are remembered over a restart', { deduplication }, async (t, rig) => {
    const [position] = await rig.stored('one', { messageId: 'a' })
    await rig.reopen()
    t.deepEqual(await rig.append('again', { messageId: 'a' }), [{ position: position!, isDuplicate: true }])
    await rig.counted({ stored: 1, duplicates: 1, ready: 1 })
  }, 'restart')

  withQueue(story, 'ids are remembered over a restart when their messages are gone', { deduplication }, async (t, rig) => {
    const [position] = await rig.stored('one', { messageId: 'a' })
    await rig.does('ack', await rig.take())
    await rig.reopen()
    t.deepEqual(await rig.append('again', { messageId: 'a' }), [{ position: position!, isDuplicate: true }])
  }, 'restart', 'ids of settled messages over restarts')

  withQueue(story, 'a queue that is paused stays paused over a restart', {}, async (t, rig) => {
    await rig.stored('m')
    await rig.queue.pause(true)
    await rig.reopen()
    t.true(rig.queue.isPaused)
    rig.queue.demand(1)
    await rig.counted({ ready: 1, inFlight: 0 })
    await rig.queue.pause(false)
    t.is((await rig.next())[0]!.text, 'm')
  }, 'restart')

  withQueue(story, 'what was accepted before a queue is closed is stored or refused when it is', {}, async (t, rig) => {
    const fates = Promise.all(upTo(200).map(text => rig.append(text)))
    await rig.reopen()
    const kept = (await fates).flat().filter(fate => 'position' in fate).length
    t.is((await rig.counts()).ready, kept)
  }, 'restart')

  story('queues are listed while they are kept, and removed with what is in them', async (t, world) => {
    const rig = await QueueRig.open(t, world)
    await rig.stored(upTo(3))
    await rig.does('term', [(await rig.take())[0]!])
    t.true((await rig.store.names()).includes(world.queue))
    await rig.queue.close()
    t.true((await rig.store.names()).includes(world.queue))
    await rig.store.remove(world.queue)
    t.false((await rig.store.names()).includes(world.queue))
    const anew = await rig.store.open(world.queue, queueSettings(), rig)
    t.like(await anew.counts(), { ready: 0, deadLetters: 0, stored: 0, acked: 0, deadLettered: 0 })
    await anew.close()
  }, 'removal')

  story('a queue is open once at a time, also where it is asked for twice at once', async (t, world) => {
    const store = await world.open('b1')
    t.teardown(() => store.close())
    const listener = { leased() {}, happened() {}, stateChanged() {} }
    const opened = await Promise.allSettled([store.open(world.queue, queueSettings(), listener), store.open(world.queue, queueSettings(), listener)])
    t.deepEqual(opened.map(each => (each.status === 'fulfilled' ? 'open' : (each.reason as BrokerError).code)).toSorted(), ['open', 'store.in_use'])
    for (const each of opened) if (each.status === 'fulfilled') await Promise.all([each.value.close(), each.value.close()])
    await (await store.open(world.queue, queueSettings(), listener)).close()
  })

  story('queues of one store do not see each other', async (t, world) => {
    const rig = await QueueRig.open(t, world)
    const other = await rig.store.open(`${world.queue}-other`, queueSettings(), { leased: () => t.fail(), happened: () => t.fail(), stateChanged: () => {} })
    other.demand(10)
    await rig.stored(upTo(5))
    t.deepEqual((await rig.take(5)).map(({ text }) => text), upTo(5))
    t.like(await other.counts(), { ready: 0, inFlight: 0, stored: 0 })
    await other.close()
  })
}
