// Stories of stores that several brokers use at once: each message is one consumer's, wherever that is.

import { upTo, type Story } from './story.ts'
import { QueueRig, type Taken } from '../../support/queue-rig.ts'

export function sharing(story: Story): void {
  story('each message is leased at one of two brokers', async (t, world) => {
    const lasting = { ackWaitMs: 600_000 }
    const rigs = await Promise.all([QueueRig.open(t, world, lasting), QueueRig.open(t, world, lasting, 'b2')])
    const taken: Taken[][] = [[], []]
    const done = Promise.withResolvers<void>()
    await Promise.all(rigs.map((rig, i) => rig.stored(upTo(200).map(text => `${i}-${text}`))))
    // Before either goes on, both have some.
    const first = await Promise.all(rigs.map(rig => rig.take(10)))
    const working = rigs.map(async (rig, i) => {
      taken[i]!.push(...first[i]!)
      await rig.does('ack', first[i]!)
      while (taken.flat().length < 400) {
        rig.queue.demand(10)
        await Promise.race([rig.when(() => rig.unexpected > 0), done.promise])
        const messages = await rig.next(rig.unexpected)
        taken[i]!.push(...messages)
        await rig.does('ack', messages)
      }
      done.resolve()
    })
    await Promise.all(working)
    t.is(new Set(taken.flat().map(({ position }) => position)).size, 400)
    t.is(taken.flat().length, 400, 'none comes twice')
    t.like(await rigs[0].counts(), { ready: 0, inFlight: 0 })
  }, 'sharing')

  story('what a broker had on lease is the other one\'s when it closes', async (t, world) => {
    const [first, second] = [await QueueRig.open(t, world), await QueueRig.open(t, world, {}, 'b2')]
    await first.stored(upTo(4))
    const messages = await first.take(4)
    await first.does('ack', messages.slice(0, 1))
    await first.queue.close()
    const others = await second.take(3)
    t.deepEqual(others.map(({ text }) => text).toSorted(), ['m1', 'm2', 'm3'])
    t.true(others.every(({ attempt }) => attempt >= 2))
    await second.does('ack', others)
    t.like(await second.counts(), { ready: 0, inFlight: 0, deadLetters: 0 })
  }, 'sharing')

  story('what one broker buried the other one lists, replays and purges', async (t, world) => {
    const [first, second] = [await QueueRig.open(t, world), await QueueRig.open(t, world, {}, 'b2')]
    await first.stored(upTo(2))
    await first.does('term', await first.take(2), { reason: 'no' })
    t.deepEqual(await second.texts('dead'), ['m0', 'm1'])
    const [dead] = await second.queue.list({ which: 'dead', after: 0, limit: 1 })
    t.like(dead, { lastError: 'no', attempts: 1 })
    t.is(await second.queue.replay([dead!.position]), 1)
    t.is((await first.take())[0]!.text, 'm0')
    t.is(await first.queue.purge('dead', 'all'), 1)
    t.deepEqual(await second.texts('dead'), [])
  }, 'sharing')
}
