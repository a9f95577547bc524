// Stories of every store: dead letters, why a message became one, and how it becomes a message again.

import { anotherQueue, attempted, upTo, withQueue, type Story } from './story.ts'
import type { QueueRig, Taken } from '../../support/queue-rig.ts'
import { until } from '../../support/until.ts'
import { withMoreTime } from '../../support/with-more-time.ts'

/** Stores these and makes dead letters of them by `term`. */
async function bury(rig: QueueRig, texts: readonly string[]): Promise<Taken[]> {
  await rig.stored(texts)
  const messages = await rig.take(texts.length)
  await rig.does('term', messages, { reason: 'hopeless' })
  return messages
}

export function ending(story: Story): void {
  withQueue(story, 'after the last attempt a message is a dead letter with its history', { retry: { maxAttempts: 3 } }, async (t, rig) => {
    const [position] = await rig.stored('poison', { messageId: 'p', session: 'who' })
    const before = Date.now()
    for (const reason of ['first', 'second', 'third']) await rig.does('nak', await rig.take(), { delayMs: 0, reason })
    t.like(await rig.event('dead-lettered', position!), { attempt: 3, reason: 'max-attempts' })
    await rig.counted({ ready: 0, delayed: 0, inFlight: 0, deadLetters: 1, deadLettered: 1, retried: 2, bytes: 0 })
    const [dead] = await rig.queue.list({ which: 'dead', after: 0, limit: 10 })
    t.like(dead, { position: position!, state: 'dead', attempts: 3, messageId: 'p', session: 'who', lastError: 'third' })
    t.like(dead!.death, { reason: 'max-attempts' })
    t.deepEqual(dead!.death!.history.map(({ attempt, error }) => [attempt, error]), [[1, 'first'], [2, 'second'], [3, 'third']])
    t.true([dead!.death!.atMs, ...dead!.death!.history.map(({ endedAtMs }) => endedAtMs)].every(atMs => atMs >= before - 1 && atMs <= Date.now() + 1))
    t.true((await rig.counts()).deadLetterBytes > 0)
  })

  withQueue(story, 'ack waits that are over count as attempts', { ackWaitMs: 50, retry: { maxAttempts: 2 } }, async (t, rig) => {
    const [position] = await rig.stored('silent')
    await rig.take(2)
    t.like(await rig.event('dead-lettered', position!), { attempt: 2, reason: 'max-attempts' })
    const [dead] = await rig.queue.list({ which: 'dead', after: 0, limit: 10 })
    t.deepEqual(dead!.death!.history.map(({ error }) => error), ['ack wait over', 'ack wait over'])
    await rig.counted({ inFlight: 0, deadLetters: 1, acked: 0 })
  })

  withQueue(story, 'term makes a dead letter at once', {}, async (t, rig) => {
    const [message] = await bury(rig, ['never'])
    t.like(await rig.event('dead-lettered', message!.position), { attempt: 1, reason: 'term' })
    const [dead] = await rig.queue.list({ which: 'dead', after: 0, limit: 10 })
    t.like(dead, { position: message!.position, attempts: 1, lastError: 'hopeless' })
    t.like(dead!.death, { reason: 'term' })
    t.deepEqual((await rig.settle({ ...message!, verdict: 'ack' })).lost, [message!.position])
    await rig.counted({ inFlight: 0, deadLetters: 1, deadLettered: 1 })
  })

  withQueue(story, 'maxAttempts 0 tries as often as it takes', { retry: { maxAttempts: 0 } }, async (t, rig) => {
    await rig.stored('stubborn')
    for (let attempt = 1; attempt <= 12; attempt++) {
      const [message] = await rig.take()
      t.is(message!.attempt, attempt)
      await rig.does(attempt === 12 ? 'ack' : 'nak', [message!], { delayMs: 0 })
    }
    await rig.counted({ acked: 1, deadLetters: 0, retried: 11 })
  })

  withQueue(story, 'where no dead letters are kept, what would become one is gone and counted', { deadLetter: { enabled: false }, retry: { maxAttempts: 1 } }, async (t, rig) => {
    const [failed, termed] = await rig.stored(['failed', 'termed'])
    const [first, second] = await rig.take(2)
    await rig.does('nak', [first!], { delayMs: 0 })
    await rig.does('term', [second!])
    t.deepEqual([(await rig.event('dropped', failed!)).reason, (await rig.event('dropped', termed!)).reason], ['max-attempts', 'term'])
    await rig.counted({ ready: 0, inFlight: 0, deadLetters: 0, deadLettered: 0, dropped: 2 })
    t.deepEqual(await rig.texts('dead'), [])
  })

  withQueue(story, 'a message whose time to live is over expires, though nobody asks for it', {}, async (t, rig) => {
    const [mortal] = await rig.stored('mortal', { expiresAtMs: Date.now() + 60 })
    await rig.stored('immortal')
    t.like(await rig.event('dead-lettered', mortal!), { attempt: 0, reason: 'expired' })
    await rig.counted({ ready: 1, deadLetters: 1, deadLettered: 1 })
    t.deepEqual((await rig.take()).map(({ text }) => text), ['immortal'])
    const [dead] = await rig.queue.list({ which: 'dead', after: 0, limit: 10 })
    t.like(dead, { position: mortal!, attempts: 0 })
    t.like(dead!.death, { reason: 'expired' })
  })

  withQueue(story, 'without dead letters it is gone, and counted as expired', { deadLetter: { enabled: false } }, async (t, rig) => {
    const [mortal] = await rig.stored('mortal', { expiresAtMs: Date.now() + 60 })
    t.like(await rig.event('expired', mortal!), { attempt: 0 })
    await rig.counted({ ready: 0, deadLetters: 0, expired: 1 })
  })

  withQueue(story, 'what waits longer than the retention expires', { retentionMs: 80 }, async (t, rig) => {
    const positions = await rig.stored(upTo(3))
    for (const position of positions) t.is((await rig.event('dead-lettered', position)).reason, 'expired')
    await rig.counted({ ready: 0, deadLetters: 3 })
  })

  story('what is on lease does not expire before its lease ends', async (t, world) => {
    const wasInTime = await withMoreTime(100, async ms => {
      const rig = await anotherQueue(t, world, `${ms}`)
      rig.queue.demand(1)
      const expiresAtMs = Date.now() + ms
      await rig.stored('on lease', { expiresAtMs })
      await rig.when(() => rig.leases.length + rig.events.length > 0)
      if (rig.leases.length === 0) return false
      const [message] = await rig.next()
      const [watched] = await rig.stored('waiting', { expiresAtMs })
      await rig.event('dead-lettered', watched!)
      await rig.does('ack', [message!])
      await rig.counted({ acked: 1, deadLettered: 1, inFlight: 0 })
      return true
    })
    t.true(wasInTime, 'it always expired before it was on lease')
  })

  withQueue(story, 'dead letters that are replayed begin anew', { retry: { maxAttempts: 2 } }, async (t, rig) => {
    const dead = await bury(rig, upTo(3))
    t.is(await rig.queue.replay([dead[1]!.position, 999_999]), 1)
    await rig.counted({ ready: 1, deadLetters: 2, replayed: 1, deadLettered: 3 })
    const [one] = await rig.take()
    t.like(one, { text: 'm1', attempt: 1 })
    t.is(await rig.queue.replay('all'), 2)
    t.is(await rig.queue.replay('all'), 0)
    const others = await rig.take(2)
    t.deepEqual(attempted(others), ['m0 #1', 'm2 #1'])
    await rig.does('ack', [one!, ...others])
    await rig.counted({ ready: 0, inFlight: 0, deadLetters: 0, replayed: 3, acked: 3, deadLetterBytes: 0 })
  })

  withQueue(story, 'a replayed message has forgotten its time to live', {}, async (t, rig) => {
    const [mortal] = await rig.stored('mortal', { expiresAtMs: Date.now() + 30 })
    await rig.event('dead-lettered', mortal!)
    t.is(await rig.queue.replay('all'), 1)
    const [message] = await rig.take()
    t.is(message!.text, 'mortal')
    await rig.does('ack', [message!])
    await rig.counted({ deadLettered: 1, replayed: 1, acked: 1 })
  })

  withQueue(story, 'dead letters are purged by position and all', {}, async (t, rig) => {
    const dead = await bury(rig, upTo(4))
    t.is(await rig.queue.purge('dead', [dead[2]!.position, 999_999]), 1)
    t.deepEqual(await rig.texts('dead'), ['m0', 'm1', 'm3'])
    t.is(await rig.queue.purge('dead', 'all'), 3)
    t.deepEqual(await rig.texts('dead'), [])
    await rig.counted({ deadLetters: 0, deadLettered: 4, deadLetterBytes: 0, purged: 0 })
  })

  withQueue(story, 'dead letters are gone after their maximum age', { deadLetter: { maxAgeMs: 150 } }, async (t, rig) => {
    await bury(rig, upTo(2))
    await until(async () => (await rig.counts()).deadLetters === 0)
    t.deepEqual(await rig.texts('dead'), [])
    await rig.counted({ deadLettered: 2 })
  })

  withQueue(story, 'what waits is purged, what is on lease is not', {}, async (t, rig) => {
    const positions = await rig.stored(upTo(5))
    const [message] = await rig.take()
    await rig.stored('delayed', { dueAtMs: Date.now() + 3_600_000 })
    t.is(await rig.queue.purge('waiting', [positions[2]!, positions[0]!]), 1)
    await rig.counted({ ready: 3, delayed: 1, inFlight: 1, purged: 1 })
    t.is(await rig.queue.purge('waiting', 'all'), 4)
    await rig.counted({ ready: 0, delayed: 0, inFlight: 1, purged: 5 })
    await rig.does('ack', [message!])
    const [later] = await rig.stored('later')
    t.like((await rig.take())[0], { text: 'later', position: later! })
    await rig.counted({ acked: 1, inFlight: 1, stored: 7 })
  })

  withQueue(story, 'lists are in order of position, in pages', {}, async (t, rig) => {
    const positions = await rig.stored(upTo(25))
    const seen: number[] = []
    for (;;) {
      const page = await rig.queue.list({ which: 'waiting', after: seen.at(-1) ?? 0, limit: 10 })
      t.true(page.length <= 10)
      if (page.length === 0) break
      seen.push(...page.map(({ position }) => position))
    }
    t.deepEqual(seen, positions)
    const messages = await rig.take(25)
    await rig.does('term', messages.toReversed())
    const first = await rig.queue.list({ which: 'dead', after: 0, limit: 10 })
    t.deepEqual(first.map(({ position }) => position), positions.slice(0, 10))
    const rest = await rig.queue.list({ which: 'dead', after: positions[9]!, limit: 1000 })
    t.deepEqual(rest.map(({ position }) => position), positions.slice(10))
  })
}
