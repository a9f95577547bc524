// What stays inside the broker happens once, whoever is killed meanwhile: a publisher whose receipts are lost, workers between two queues,
// and the broker itself.

import test from 'ava'
import { startBroker, startBrokerProcess } from '../support/broker.ts'
import { countsOf, countsWhen, isEmpty, queueChannel } from '../support/queue-stories.ts'
import { QueueWorker } from '../support/queue-worker.ts'
import { nextEvent } from '../support/scripted-client.ts'
import { until } from '../support/until.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
const byNumber = (a: number, b: number): number => a - b
/** More than any message is tried here. */
const patient = { retryPolicy: { maxAttempts: 100, backoff: ['1ms'], jitter: 0 } }

test('exactly once: of what workers that are killed at any moment put from one queue into another, nothing is missing and nothing is there twice', async t => {
  const broker = await startBroker(t, { config: { channels: [queueChannel('a', patient), queueChannel('b', patient)] } })
  const client = await broker.connect()
  const count = 400
  const results: number[] = []
  client.consume<number>('b', { onMessage: ({ value }) => void results.push(value) })
  const workers = [1, 2].map(() => QueueWorker.start(t, broker.home, 'a', 'b'))
  const published = (async () => {
    for (let n = 0; n < count; n += 20) {
      // Slowly enough that there is always work on its way.
      await until(() => results.length > n - 60)
      await Promise.all(numbers(20).map(i => client.publish('a', n + i, { receipt: true })))
    }
  })()
  for (let kill = 1; kill <= 4; kill++) {
    await until(() => results.length >= kill * 80)
    const killed = kill % 2
    await workers[killed]!.kill()
    workers[killed] = QueueWorker.start(t, broker.home, 'a', 'b')
  }
  await published
  t.like(await countsWhen(client, 'a', isEmpty), { stored: count, forwarded: count, deadLettered: 0 })
  t.like(await countsWhen(client, 'b', isEmpty), { stored: count, acked: count })
  t.deepEqual(results.toSorted(byNumber), numbers(count))
})

test('exactly once: a publisher that comes back after the broker was killed publishes again what had no receipt, and nothing stands there twice', async t => {
  const config = { channels: [queueChannel('orders', {}, { deduplication: { enabled: true } })] }
  const first = await startBrokerProcess(t, { config })
  const client = await first.connect({ retry: { enabled: true, maxRetries: Infinity, retryDelayMs: 20, backoffMultiplier: 1 } })
  const count = 2000
  const positions: number[] = []
  let next = 0
  const publisher = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) {
      const { stored } = await client.publish('orders', n, { receipt: true, idempotent: true, timeoutMs: 60_000 })
      positions.push(stored!.position)
    }
  }
  const published = Promise.all(numbers(50).map(publisher))
  await until(() => positions.length > 500)
  const reconnected = nextEvent(client, 'reconnected')
  await first.end('SIGKILL')
  await startBrokerProcess(t, { home: first.home })
  await reconnected
  await published
  t.is(new Set(positions).size, count)
  t.like(await countsOf(client, 'orders'), { stored: count, ready: count })
  const values: number[] = []
  const consumer = client.consume<number>('orders', { onMessage: ({ value }) => void values.push(value) })
  await countsWhen(client, 'orders', isEmpty)
  await consumer.drain()
  t.deepEqual(values.toSorted(byNumber), numbers(count))
})
