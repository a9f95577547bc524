import test from 'ava'
import fc from 'fast-check'
import { encode } from '@msgpack/msgpack'
import { Kind } from '../../broker/wire/layout.ts'
import { Credit } from '../../client/credit.ts'
import { errorCode } from '../support/error-code.ts'
import { nextEvent, scriptedClient } from '../support/scripted-client.ts'

const WELCOME = { limits: { maxFrameBytes: 1_064_960, maxSubscriptions: 10, maxOpenRequests: 10, requestTimeoutMs: 60_000, creditBytes: 1000 } }

test('credit: never more than was granted, in order on each subject, and all of it in the end', async t => {
  const step = fc.record({ subject: fc.constantFrom('a', 'b', 'c'), bytes: fc.integer({ min: 1, max: 150 }), grants: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      const credit = new Credit()
      credit.open(100)
      const used = new Map<string, number>()
      const sent: { subject: string; number: number }[] = []
      const spent = steps.map(({ subject, bytes, grants }, number) => {
        const done = credit.spend(subject, bytes, async () => {
          const before = used.get(subject) ?? 0
          // A frame that is larger than half of the credit goes when half is there.
          t.true(before + bytes <= 100 || before <= 50, `${before} + ${bytes}`)
          used.set(subject, before + bytes)
          sent.push({ subject, number })
        })
        if (grants) grant(subject)
        return done
      })
      function grant(subject: string): void {
        const bytes = used.get(subject) ?? 0
        used.set(subject, 0)
        credit.grant(subject, bytes)
      }
      while (credit.waiting > 0) for (const subject of ['a', 'b', 'c']) grant(subject)
      for (const subject of ['a', 'b', 'c']) grant(subject)
      await Promise.all(spent)
      t.is(sent.length, steps.length)
      for (const subject of ['a', 'b', 'c']) {
        const numbers = sent.filter(each => each.subject === subject).map(({ number }) => number)
        t.deepEqual(numbers, numbers.toSorted((x, y) => x - y))
      }
      t.is(credit.size, 0, 'subjects at full credit are forgotten')
    }),
  )
})

test('credit: what waits can be aborted, and gives way to what is behind it', async t => {
  const credit = new Credit()
  credit.open(100)
  const sent: string[] = []
  await credit.spend('a', 60, async () => void sent.push('first'))
  const controller = new AbortController()
  const large = credit.spend('a', 45, async () => void sent.push('large'), controller.signal)
  const small = credit.spend('a', 40, async () => void sent.push('small'))
  t.deepEqual(sent, ['first'])
  controller.abort(new Error('no more'))
  await t.throwsAsync(large, { message: 'no more' })
  await small
  t.deepEqual([sent, credit.waiting], [['first', 'small'], 0])
})

test('credit: what cannot be sent costs nothing', async t => {
  const credit = new Credit()
  credit.open(100)
  t.throws(() => credit.spend('a', 100, () => { throw new Error('too large') }), { message: 'too large' })
  await credit.spend('a', 100, async () => {})
  t.is(credit.size, 1)
})

test('credit: publish waits on the subject that has none left, others go on', async t => {
  const { client, peer } = await scriptedClient(t, { credit: true }, WELCOME)
  t.like(peer.hello, { flow: { credit: true } })
  const payload = new Uint8Array(400)
  await client.publish('slow', payload)
  await client.publish('slow', payload)
  const third = client.publish('slow', payload)
  const fourth = client.publish('slow', 'last', { receipt: true })
  await client.publish('other', 'x')
  const slow = await peer.nextOf(Kind.publish)
  t.deepEqual([slow.subject, (await peer.next()).subject, (await peer.next()).subject], ['slow', 'slow', 'other'])
  // What the broker grants is what one of the two took on the wire.
  peer.send({ kind: Kind.credit, payload: encode({ subject: 'slow', bytes: 450 }) })
  await third
  const frames = [await peer.next(), await peer.next()]
  t.deepEqual(frames.map(({ subject, payload: bytes }) => [subject, bytes.length]), [['slow', 400], ['slow', 4]])
  peer.answer(frames[1]!, { receivers: 1 }, Kind.receipt)
  t.deepEqual(await fourth, { receivers: 1 })
})

test('credit: while disconnected publishes wait up to the limit; another session begins with full credit', async t => {
  const { broker, client, peer } = await scriptedClient(t, { credit: true, offlineLimit: 2 }, WELCOME)
  await client.publish('slow', new Uint8Array(600))
  await peer.nextOf(Kind.publish)
  const waiting = client.publish('slow', new Uint8Array(900))
  const disconnected = nextEvent(client, 'disconnected')
  peer.destroy()
  await disconnected
  const other = client.publish('other', 1)
  t.is(await errorCode(client.publish('third', 1)), 'client.offline_full')
  const next = await broker.welcome(WELCOME)
  await Promise.all([waiting, other])
  t.deepEqual([(await next.nextOf(Kind.publish)).subject, (await next.nextOf(Kind.publish)).subject].toSorted(), ['other', 'slow'])
  const last = client.publish('slow', new Uint8Array(900))
  client.destroy()
  t.is(await errorCode(last), 'client.closed')
})
