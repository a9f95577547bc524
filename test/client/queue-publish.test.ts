import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { errorCode } from '../support/error-code.ts'
import { nextEvent, scriptedClient } from '../support/scripted-client.ts'
import { receiptBody } from '../support/scripted-queue.ts'

test('publish to a queue: options travel as headers, beside those of the caller', async t => {
  const { client, peer } = await scriptedClient(t)
  await client.publish('jobs', 1, { delayMs: 1000, session: 's', sequence: 3, durability: 'os', headers: { colour: 'green' } })
  t.deepEqual((await peer.next()).headers, { colour: 'green', delay: 1000, session: 's', sequence: 3, durability: 'os' })
  await client.publish('jobs', 1, { deliverAt: new Date(1_800_000_000_000), ttlMs: 5, mid: 'm' })
  t.deepEqual((await peer.next()).headers, { mid: 'm', ttl: 5, deliverAt: 1_800_000_000_000 })
  await client.publish('jobs', 1, { deliverAt: 7 })
  t.deepEqual((await peer.next()).headers, { deliverAt: 7 })
})

test('publish to a queue: the receipt says where it stands', async t => {
  const { client, peer } = await scriptedClient(t)
  const bodies = [
    { receivers: 1, stored: { queue: 'jobs', position: 7 } },
    { receivers: 1, stored: { queue: 'jobs', position: 3, duplicate: true } },
    { receivers: 0, duplicate: true },
    { receivers: 2 },
  ]
  const receipts = bodies.map(() => client.publish('jobs', 1, { receipt: true }))
  for (const body of bodies) peer.send({ kind: Kind.receipt, ref: (await peer.next()).id, payload: receiptBody(body) })
  t.deepEqual(await Promise.all(receipts), [
    { receivers: 1, stored: { queue: 'jobs', position: 7, isDuplicate: false } },
    { receivers: 1, stored: { queue: 'jobs', position: 3, isDuplicate: true } },
    { receivers: 0, isDuplicate: true },
    { receivers: 2 },
  ])
})

test('publish to a queue: with idempotent it gets an id, and is sent again with the same one', async t => {
  const { broker, client, peer } = await scriptedClient(t)
  const [first, second] = [client.publish('jobs', 1, { receipt: true, idempotent: true }), client.publish('jobs', 2, { receipt: true, idempotent: true })]
  const mids = [(await peer.next()).headers?.['mid'], (await peer.next()).headers?.['mid']]
  t.regex(String(mids[0]), /^[0-9a-f]{32}-\d+$/)
  t.not(mids[0], mids[1])
  const reconnected = nextEvent(client, 'reconnected')
  peer.destroy()
  const next = await broker.welcome()
  await reconnected
  const again = [await next.next(), await next.next()]
  t.deepEqual(again.map(({ headers }) => headers?.['mid']), mids)
  for (const { id } of again) next.send({ kind: Kind.receipt, ref: id, payload: receiptBody({ receivers: 1 }) })
  t.deepEqual(await Promise.all([first, second]), [{ receivers: 1 }, { receivers: 1 }])
})

test('publish to a queue: an id of the caller stays, and without a receipt none is made', async t => {
  const { client, peer } = await scriptedClient(t)
  void client.publish('jobs', 1, { receipt: true, idempotent: true, mid: 'mine' }).catch(() => {})
  void client.publish('jobs', 1, { receipt: true, idempotent: true, headers: { mid: 'by hand' } }).catch(() => {})
  await client.publish('jobs', 1, { idempotent: true })
  t.deepEqual([(await peer.next()).headers, (await peer.next()).headers, (await peer.next()).headers], [{ mid: 'mine' }, { mid: 'by hand' }, undefined])
})

test('publish to a queue: one receipt answers as many publishes as it says, and no others', async t => {
  const { broker, client, peer } = await scriptedClient(t)
  t.true(peer.hello['receiptRuns'])
  const receipts = Array.from({ length: 6 }, (_, n) => client.publish('jobs', n, { receipt: true, ...(n === 1 ? { timeoutMs: 1 } : {}) }))
  const late = errorCode(receipts[1]!)
  const first = await peer.next()
  for (let n = 1; n < 6; n++) await peer.next()
  t.is(await late, 'request.timeout')
  peer.send({ kind: Kind.receipt, ref: first.id, to: 2, payload: receiptBody({ receivers: 1, stored: { queue: 'jobs', position: 7 } }) })
  const stored = (position: number): object => ({ receivers: 1, stored: { queue: 'jobs', position, isDuplicate: false } })
  t.deepEqual(await Promise.all([receipts[0], receipts[2]]), [stored(7), stored(9)])
  // Of more than was ever sent the rest is nobody's.
  peer.send({ kind: Kind.receipt, ref: first.id + 3, to: 2 ** 32 - 1, payload: receiptBody({ receivers: 2 }) })
  t.deepEqual(await Promise.all(receipts.slice(3)), [{ receivers: 2 }, { receivers: 2 }, { receivers: 2 }])
  const next = client.publish('jobs', 6, { receipt: true })
  peer.send({ kind: Kind.receipt, ref: (await peer.next()).id, payload: receiptBody({ receivers: 0 }) })
  t.deepEqual(await next, { receivers: 0 })
  broker.stop()
})
