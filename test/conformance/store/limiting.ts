// Stories of every store: what a full queue does with what comes.

import { upTo, withQueue, type Story } from './story.ts'

export function limiting(story: Story): void {
  withQueue(story, 'a full queue refuses by name, and takes messages again when there is room', { maxMessages: 3 }, async (t, rig) => {
    await rig.stored(upTo(3))
    t.deepEqual(await rig.append('too many'), [{ refused: 'queue.full' }])
    const [message] = await rig.take()
    t.deepEqual(await rig.append('on lease counts'), [{ refused: 'queue.full' }])
    await rig.does('ack', [message!])
    await rig.stored('fits')
    await rig.counted({ ready: 3, stored: 4, acked: 1, dropped: 0, deadLetters: 0 })
    t.deepEqual(await rig.texts('waiting'), ['m1', 'm2', 'fits'])
  })

  withQueue(story, 'of a run as many are kept as there is room for', { maxMessages: 3 }, async (t, rig) => {
    const fates = await rig.append(upTo(5))
    t.deepEqual(fates.map(fate => ('refused' in fate ? fate.refused : 'stored')), ['stored', 'stored', 'stored', 'queue.full', 'queue.full'])
    await rig.counted({ ready: 3, stored: 3 })
  })

  withQueue(story, 'bytes are limited as messages are', { maxBytes: 10_000 }, async (t, rig) => {
    await rig.stored(upTo(3), { padding: 2500 })
    t.deepEqual(await rig.append('too much', { padding: 2500 }), [{ refused: 'queue.full' }])
    await rig.does('ack', await rig.take())
    await rig.stored('fits', { padding: 2000 })
    const { bytes } = await rig.counts()
    t.true(bytes > 7000 && bytes <= 10_000)
  })

  withQueue(story, 'drop-newest drops what comes, and tells it', { maxMessages: 2, whenFull: 'drop-newest' }, async (t, rig) => {
    await rig.stored(upTo(2))
    t.deepEqual(await rig.append(upTo(2)), [{ dropped: true }, { dropped: true }])
    await rig.counted({ ready: 2, stored: 2, deadLetters: 0 })
    t.deepEqual(await rig.texts('waiting'), ['m0', 'm1'])
  })

  withQueue(story, 'drop-oldest makes room: what waited longest is a dead letter', { maxMessages: 3, whenFull: 'drop-oldest' }, async (t, rig) => {
    const [oldest] = await rig.stored(upTo(3))
    await rig.stored('m3')
    t.like(await rig.event('dead-lettered', oldest!), { attempt: 0, reason: 'overflow' })
    await rig.counted({ ready: 3, stored: 4, deadLetters: 1, deadLettered: 1 })
    t.deepEqual([await rig.texts('waiting'), await rig.texts('dead')], [['m1', 'm2', 'm3'], ['m0']])
    const [dead] = await rig.queue.list({ which: 'dead', after: 0, limit: 1 })
    t.is(dead!.death!.reason, 'overflow')
  })

  withQueue(story, 'drop-oldest passes over what is on lease', { maxMessages: 3, whenFull: 'drop-oldest' }, async (t, rig) => {
    const [, second] = await rig.stored(upTo(3))
    const [message] = await rig.take()
    await rig.stored('m3')
    await rig.event('dead-lettered', second!)
    await rig.does('ack', [message!])
    t.deepEqual([await rig.texts('waiting'), await rig.texts('dead')], [['m2', 'm3'], ['m1']])
    await rig.counted({ acked: 1, deadLettered: 1, ready: 2 })
  })

  withQueue(story, 'drop-oldest without dead letters counts what it dropped', { maxMessages: 2, whenFull: 'drop-oldest', deadLetter: { enabled: false } }, async (t, rig) => {
    const [oldest] = await rig.stored(upTo(4))
    t.is((await rig.event('dropped', oldest!)).reason, 'overflow')
    await rig.event('dropped', oldest! + 1)
    await rig.counted({ ready: 2, stored: 4, dropped: 2, deadLetters: 0 })
    t.deepEqual(await rig.texts('waiting'), ['m2', 'm3'])
  })

  withQueue(story, 'other settings hold from now on', { maxMessages: 2, retry: { maxAttempts: 5 } }, async (t, rig) => {
    await rig.stored(upTo(2))
    t.deepEqual(await rig.append('m2'), [{ refused: 'queue.full' }])
    rig.settings = { ...rig.settings, maxMessages: 4, retry: { ...rig.settings.retry, maxAttempts: 1 } }
    await rig.queue.change(rig.settings)
    await rig.stored(['m2', 'm3'])
    t.deepEqual(await rig.append('m4'), [{ refused: 'queue.full' }])
    const [message] = await rig.take()
    await rig.does('nak', [message!], { delayMs: 0 })
    t.is((await rig.event('dead-lettered', message!.position)).reason, 'max-attempts')
  })
}
