// Messages that ask for receipts, one behind the other in a chunk, are one run to the broker: nobody can tell by what they are answered.

import test from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { Frame } from '../../broker/wire/frame.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { encodeLoosely } from '../support/frames.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'
import type { NativeClient, ReceivedFrame } from '../support/memory-client.ts'

interface Said {
  readonly subject: string
  readonly asks: boolean
  readonly mid: string | undefined
}

const said: fc.Arbitrary<Said> = fc.record({
  subject: fc.constantFrom('jobs', 'jobs', 'jobs', 'plain', 'plain', 'nobody', 'picked', 'sifted', 'both', 'denied', 'status', '$CB.api.status', 'bad..subject'),
  asks: fc.constantFrom(true, true, true, false),
  mid: fc.constantFrom(undefined, undefined, undefined, undefined, 'm'),
})

const blank: Frame = { kind: Kind.publish, flags: 0, origin: 0, id: 0, time: 0, to: 0, ref: 0, subject: '', headers: undefined, payload: new Uint8Array(0) }

/** A broker with everything that a message may meet, and a publisher that may not do all of it. */
async function world(settings = {}): Promise<{ rig: QueuePipeline; publisher: NativeClient; reader: NativeClient }> {
  const rig = new QueuePipeline()
  await rig.openQueue('jobs', settings)
  rig.addPrincipal({ name: 'publisher', publish: { allow: ['>'], deny: ['denied'] } }, 'secret')
  const reader = rig.native()
  for (const [number, pattern] of ['plain', 'both', 'jobs'].entries()) reader.subscribe(number + 1, pattern)
  reader.subscribe(10, 'picked', { group: 'workers' })
  reader.subscribe(11, 'both', { group: 'workers' })
  reader.subscribe(12, 'sifted', { filter: '@subject == "sifted"' })
  reader.frames()
  return { rig, publisher: rig.native({ principal: 'publisher', auth: { token: 'secret' } }), reader }
}

/** What became of each message by its id: a receipt's body, or the code of an error, which may be told of several. */
function outcomes(frames: readonly ReceivedFrame[]): Record<number, unknown> {
  const all: Record<number, unknown> = {}
  for (const { kind, ref, body } of frames) {
    const { code, details } = body as { code?: string; details?: { count?: number } }
    for (let id = ref; id < ref + (kind === Kind.error ? (details?.count ?? 1) : 1); id++) all[id] = kind === Kind.error ? code : body
  }
  return all
}

/** The same told in chunks that are cut there, or one by one in another encoding: then none is part of a run. */
async function tell(all: readonly Said[], cuts: readonly number[] | 'each', lastId = 0): Promise<object> {
  const { rig, publisher, reader } = await world()
  if (lastId > 0) {
    publisher.send({ kind: Kind.publish, subject: 'nobody', id: lastId })
    publisher.continueAbove(0)
  }
  const frames = all.map(({ subject, asks, mid }, n) => {
    const frame = { ...blank, subject, flags: asks ? Flag.receipt : 0, payload: Uint8Array.of(n), ...(mid === undefined ? {} : { headers: { mid } }) }
    if (cuts !== 'each') return publisher.frame({ ...frame, id: publisher.nextId })
    const id = publisher.nextId
    publisher.continueAbove(id)
    return encodeLoosely({ ...frame, id, flags: frame.flags | (mid === undefined ? 0 : Flag.headers) }, () => 1)
  })
  const places = cuts === 'each' ? frames.keys() : cuts.map(cut => cut % (frames.length + 1)).toSorted((a, b) => a - b)
  let at = 0
  for (const place of [...places, frames.length]) {
    publisher.link.arrive(Buffer.concat(frames.slice(at, place)))
    at = place
  }
  await rig.settle()
  const account = rig.core.accounts.channel('jobs')!
  const result = {
    outcomes: outcomes(publisher.frames()),
    read: reader.frames().map(({ subject, payload }) => [subject, payload[0]]),
    stored: rig.store.queues.get('jobs')!.kept.reduce((sum, { count }) => sum + count, 0),
    accounts: [account.accepted, account.stored, account.imbalance, rig.core.accounts.totals().accepted, rig.core.accounts.totals().balanced],
  }
  rig.pipeline.close()
  return result
}

test('runs with receipts: what each message is answered, and who gets it, does not depend on how they come', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(said, { minLength: 1, maxLength: 30, size: 'max' }), fc.array(fc.nat(), { maxLength: 4 }), async (all, cuts) => {
      t.deepEqual(await tell(all, cuts), await tell(all, 'each'))
    }),
    { numRuns: 60 },
  )
})

test('runs with receipts: ids that were taken before are refused, and those behind them are not', async t => {
  const all = Array.from({ length: 5 }, (): Said => ({ subject: 'jobs', asks: true, mid: undefined }))
  const told = (await tell(all, [], 3)) as { outcomes: object }
  t.deepEqual(told, await tell(all, 'each', 3))
  t.deepEqual(Object.values(told.outcomes).map(outcome => typeof outcome), ['string', 'string', 'string', 'object', 'object'])
})

test('runs with receipts: the queue is given one append for all, and an order by session one for each', async t => {
  for (const [settings, counts] of [[{}, [4]], [{ ordering: { enabled: true, guarantee: 'per_session', bufferSize: 0, timeoutMs: 0 } }, [1, 1, 1, 1]]] as const) {
    const { rig, publisher } = await world(settings)
    publisher.link.arrive(Buffer.concat(Array.from({ length: 4 }, () => publisher.frame({ kind: Kind.publish, subject: 'jobs', flags: Flag.receipt }))))
    await rig.settle()
    t.deepEqual(rig.store.queues.get('jobs')!.kept.map(({ count }) => count), counts)
    t.deepEqual(publisher.frames().map(({ body }) => (body as { stored: { position: number } }).stored.position), [1, 2, 3, 4])
    rig.pipeline.close()
  }
})

test('runs with receipts: a queue that refuses is told of once, with how many; one that drops, of each', async t => {
  const { rig, publisher } = await world()
  const queue = rig.store.queues.get('jobs')!
  const run = (): number => {
    const first = publisher.nextId
    publisher.link.arrive(Buffer.concat(Array.from({ length: 3 }, () => publisher.frame({ kind: Kind.publish, subject: 'jobs', flags: Flag.receipt }))))
    return first
  }
  queue.refusal = new BrokerError('queue.full', { queue: 'jobs' })
  const refused = run()
  await rig.settle()
  t.like(publisher.frames(), { length: 1, 0: { kind: Kind.error, ref: refused, body: { code: 'queue.full', details: { count: 3 } } } })
  queue.append = ({ watch, count }) => queueMicrotask(() => watch.dropped(count))
  const dropped = run()
  await rig.settle()
  t.deepEqual(publisher.frames().map(({ ref, body }) => [ref, body]), [0, 1, 2].map(n => [dropped + n, { receivers: 2, dropped: { overflow: 1 } }]))
  rig.pipeline.close()
})
