// What becomes of messages for a receiver that does not read fast enough, as publisher and receiver are told by the SDK.

import test from 'ava'
import type { Client, Gap, Message } from '../../client/index.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { nextEvent } from '../support/scripted-client.ts'
import { until } from '../support/until.ts'

/** A client that reads one message and stops, until it is told to go on. */
async function slowReader(broker: LocalBroker, options: Parameters<LocalBroker['connect']>[0]): Promise<{ client: Client; gaps: Gap[]; readUntil(value: unknown): Promise<Message[]> }> {
  const client = await broker.connect(options)
  const gaps: Gap[] = []
  client.on('gap', gap => gaps.push(gap))
  const subscription = client.subscribe('flood', { bufferLimit: 1 })
  await subscription.ready
  const readUntil = async (value: unknown): Promise<Message[]> => {
    const messages: Message[] = []
    for await (const message of subscription) {
      if (message.value === value) break
      messages.push(message)
    }
    return messages
  }
  return { client, gaps, readUntil }
}

/** Publishes until something waits for the client at the broker: then its kernel takes no more. */
async function fill(publisher: Client, client: Client): Promise<void> {
  const block = new Uint8Array(64 * 1024)
  await until(async () => {
    await publisher.publish('flood', block, { receipt: true })
    const { connections } = await publisher.call('connections', { id: client.id })
    return connections[0]!.out.pendingMessages > 4
  })
}

test('flow: what a receiver lost is told to it with number and range, and everything else came in order', async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { stallTimeout: '1ms' } } } })
  const reader = await slowReader(broker, { flow: { overflow: 'drop-oldest', maxPendingMessages: 50 } })
  const publisher = await broker.connect({ echo: false })
  const ids: number[] = []
  for (let i = 0; i < 5000; i++) await publisher.publish('flood', new Uint8Array(2048))
  const { receivers } = await publisher.publish('flood', 'end', { receipt: true })
  t.is(receivers, 1)
  for (const { id } of await reader.readUntil('end')) ids.push(id)
  t.deepEqual(ids, ids.toSorted((a, b) => a - b))
  const lost = reader.gaps.reduce((sum, { count }) => sum + count, 0)
  t.true(lost > 0, 'something was lost')
  t.is(ids.length + lost, 5000)
  t.true(reader.gaps.every(({ reason }) => reason === 'overflow'))
  const received = new Set(ids)
  for (const { ranges, more, count } of reader.gaps) {
    for (const { from, to, subject, origin } of ranges) {
      t.deepEqual([subject, origin], ['flood', publisher.welcome.origin])
      t.false(Array.from({ length: to - from + 1 }, (_, i) => from + i).some(id => received.has(id)), 'what is said to be lost did not come')
    }
    if (!more) t.is(ranges.reduce((sum, range) => sum + range.count, 0), count)
  }
})

test('flow: a receipt of delivery says what became of a message for each receiver', async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { stallTimeout: '1ms' } } } })
  const publisher = await broker.connect()
  t.deepEqual(await publisher.publish('nobody.there', 1, { receipt: 'delivered' }), { receivers: 0, written: 0, dropped: { 'no-interest': 1 } })
  const reader = await slowReader(broker, { flow: { overflow: 'drop-newest', maxPendingMessages: 20 } })
  const fast = await broker.connect()
  await fast.subscribe('flood', { onMessage: () => {} }).ready
  t.deepEqual(await publisher.publish('flood', 'first', { receipt: 'delivered' }), { receivers: 2, written: 2, dropped: {} })
  await fill(publisher, reader.client)
  // Above its limit, when its publishers have waited their time: what comes now is dropped for that one alone.
  await until(async () => {
    const receipt = await Promise.race([publisher.publish('flood', 'x', { receipt: 'delivered' }), publisher.call('ping').then(() => undefined)])
    if (receipt === undefined || receipt.dropped['overflow'] === undefined) return false
    t.deepEqual(receipt, { receivers: 2, written: 1, dropped: { overflow: 1 } })
    return true
  })
})

test('flow: what was not taken in its time is dropped as expired, and both ends hear of it', async t => {
  const broker = await startBroker(t)
  const publisher = await broker.connect()
  const reader = await slowReader(broker, {})
  await fill(publisher, reader.client)
  const receipt = await publisher.publish('flood', 'too late', { ttlMs: 20, receipt: 'delivered' })
  t.deepEqual(receipt, { receivers: 1, written: 0, dropped: { expired: 1 } })
  await publisher.publish('flood', 'in time', { ttlMs: 60_000 })
  await publisher.publish('flood', 'end')
  const values = (await reader.readUntil('end')).map(({ value }) => value)
  t.is(values.at(-1), 'in time')
  t.false(values.includes('too late'))
  t.like(reader.gaps, [{ reason: 'expired', count: 1 }])
})

test('flow: with credit, a subject whose receiver is behind holds back no other, and loses nothing', async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { stallTimeout: '60s' } } } })
  const reader = await slowReader(broker, { flow: { overflow: 'block' } })
  const fast = await broker.connect()
  let heard = 0
  await fast.subscribe('fast', { onMessage: () => void heard++ }).ready
  const publisher = await broker.connect({ credit: true })
  publisher.on('error', error => t.fail(error.message))
  // More than credit, limit (16 MiB) and kernel take together; some larger than half of all credit.
  const count = 400
  let sent = 0
  const flooding = (async () => {
    for (; sent < count; sent++) await publisher.publish('flood', new Uint8Array(sent % 50 === 49 ? 900_000 : 50_000))
    await publisher.publish('flood', 'end')
  })()
  await until(async () => {
    const before = sent
    // Each of these goes there and back, while the flood stands still.
    for (let i = 0; i < 20; i++) await publisher.publish('fast', 'x'.repeat(10_000), { receipt: true })
    return sent === before
  })
  t.true(sent < count, 'the flood waits')
  const heardBefore = heard
  for (let i = 0; i < 200; i++) await publisher.publish('fast', 'x'.repeat(10_000), { receipt: true })
  await until(() => heard >= heardBefore + 200)
  t.true(sent < count, 'it waits still')
  const ids = (await reader.readUntil('end')).map(({ id }) => id)
  await flooding
  t.is(ids.length, count)
  t.deepEqual(ids, ids.toSorted((a, b) => a - b))
  t.deepEqual(reader.gaps, [])
})

test('flow: a WebSocket cannot be paused, so a reader that stops is ended at a bound, comes back, and is told what it missed', async t => {
  const broker = await startBroker(t)
  const reader = await slowReader(broker, { url: broker.gateway, token: broker.token, retry: { maxRetries: Infinity, retryDelayMs: 1, backoffMultiplier: 1 } })
  const ended = nextEvent(reader.client, 'disconnected')
  const resumed = nextEvent(reader.client, 'resumed')
  const publisher = await broker.connect()
  const count = 40
  for (let i = 0; i < count; i++) await publisher.publish('flood', new Uint8Array(512 * 1024), { receipt: true })
  t.is((await ended).code, 'client.unread_full')
  const { lost } = await resumed
  t.true(lost > 0)
  await publisher.publish('flood', 'end')
  const ids = (await reader.readUntil('end')).map(({ id }) => id)
  t.is(ids.length + lost, count)
  t.is(new Set(ids).size, ids.length, 'nothing comes twice')
  t.deepEqual(ids, ids.toSorted((a, b) => a - b))
  t.is(reader.gaps.reduce((sum, gap) => sum + gap.count, 0), lost)
})
