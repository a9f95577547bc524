// Stories of every store: what is appended, and what its publisher is told.

import { upTo, withQueue, type Story } from './story.ts'
import { textOf } from '../../support/queue-rig.ts'

const MIB = 1024 * 1024

export function appending(story: Story): void {
  withQueue(story, 'each message of a run has a position of its own, and positions grow', {}, async (t, rig) => {
    const positions = await rig.stored(upTo(50))
    t.true(positions.every((position, i) => Number.isSafeInteger(position) && position >= 1 && (i === 0 || position > positions[i - 1]!)))
    const [later] = await rig.stored('later')
    t.true(later! > positions.at(-1)!)
    await rig.counted({ ready: 51, stored: 51, inFlight: 0, lastPosition: later! })
  })

  withQueue(story, 'appends of one turn are told in their order, each durability', {}, async (t, rig) => {
    const durabilities = (['memory', 'os', 'fsync'] as const).slice(0, 1 + ['memory', 'os', 'fsync'].indexOf(rig.store.features.durability))
    const told: string[] = []
    await Promise.all(upTo(60).map(async (text, i) => {
      const [fate] = await rig.append(text, { durability: durabilities[i % durabilities.length]! })
      if ('position' in fate!) told.push(text)
    }))
    t.deepEqual(told.toSorted(), upTo(60).toSorted())
    const messages = await rig.take(60)
    t.deepEqual(messages.map(({ text }) => text), upTo(60), 'and leased in the order of the calls')
  })

  withQueue(story, 'the frame that is leased is the frame that was published, byte by byte', {}, async (t, rig) => {
    const before = Math.floor(Date.now() / 1000)
    const [position] = await rig.stored('exact', { padding: 3000, messageId: 'id-1', session: 's', sequence: 1 })
    const [message] = await rig.take()
    t.like(message, { position: position!, attempt: 1, text: 'exact' })
    t.is(textOf(message!.frame), 'exact')
    const [listed] = await rig.queue.list({ which: 'waiting', after: 0, limit: 10 })
    t.deepEqual(Buffer.from(listed!.frame), Buffer.from(message!.frame))
    t.like(listed, { position: position!, state: 'in-flight', attempts: 1, messageId: 'id-1', session: 's' })
    t.true(listed!.storedAtMs / 1000 >= before - 1 && listed!.storedAtMs <= Date.now() + 1000)
  })

  withQueue(story, 'messages of 1 MiB come back whole', {}, async (t, rig) => {
    await rig.stored(upTo(4), { padding: MIB })
    const messages = await rig.take(4)
    t.deepEqual(messages.map(({ text }) => text), upTo(4))
    t.true(messages.every(({ frame }) => frame.length > MIB))
    await rig.does('ack', messages)
    await rig.counted({ ready: 0, inFlight: 0, acked: 4, bytes: 0 })
  })

  withQueue(story, '10,000 messages are stored, leased in order and acknowledged', { maxAckPending: 20_000, ackWaitMs: 600_000 }, async (t, rig) => {
    const texts = upTo(10_000)
    await Promise.all(Array.from({ length: 100 }, (_, i) => rig.stored(texts.slice(i * 100, i * 100 + 100))))
    await rig.counted({ ready: 10_000, stored: 10_000 })
    const messages = await rig.take(10_000)
    t.deepEqual(messages.map(({ text }) => text), texts)
    await rig.does('ack', messages)
    await rig.counted({ ready: 0, inFlight: 0, acked: 10_000, bytes: 0, oldestAtMs: 0 })
  })

  const deduplication = { enabled: true, windowMs: 60_000 }
  withQueue(story, 'a message whose id was stored within the window is a duplicate, told with the position of the first', { deduplication }, async (t, rig) => {
    const [first] = await rig.stored('one', { messageId: 'a' })
    const [other] = await rig.stored('two', { messageId: 'b' })
    t.deepEqual(await rig.append('one again', { messageId: 'a' }), [{ position: first!, isDuplicate: true }])
    await rig.does('ack', await rig.take(2))
    t.deepEqual(await rig.append('two again', { messageId: 'b' }), [{ position: other!, isDuplicate: true }], 'also when it has been settled')
    await rig.stored('without id')
    await rig.counted({ ready: 1, stored: 3, duplicates: 2, acked: 2 })
  })

  withQueue(story, 'of messages with one id in one turn one is stored', { deduplication }, async (t, rig) => {
    const fates = (await Promise.all(upTo(10).map(text => rig.append(text, { messageId: 'same' })))).flat()
    const [first] = fates
    t.deepEqual(fates, upTo(10).map((_, i) => ({ position: (first as { position: number }).position, isDuplicate: i > 0 })))
    t.deepEqual((await rig.take()).map(({ text }) => text), ['m0'])
    await rig.counted({ inFlight: 1, stored: 1, duplicates: 9 })
  })

  withQueue(story, 'an id is forgotten when its window is over', { deduplication: { enabled: true, windowMs: 100 } }, async (t, rig) => {
    await rig.stored('first', { messageId: 'a' })
    let again = await rig.append('again', { messageId: 'a' })
    for (; !('position' in again[0]!) || again[0].isDuplicate; again = await rig.append('again', { messageId: 'a' })) t.true('position' in again[0]!)
    await rig.counted({ ready: 2, stored: 2 })
  })

  withQueue(story, 'without deduplication two messages with one id are two', {}, async (_, rig) => {
    await rig.stored('one', { messageId: 'a' })
    await rig.stored('two', { messageId: 'a' })
    await rig.counted({ ready: 2, stored: 2, duplicates: 0 })
  })
}
