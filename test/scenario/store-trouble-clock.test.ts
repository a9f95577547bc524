// The clock on the wall of a broker is set forward and back by hours while it works. What was promised by it comes at its new time, what goes by
// the other clock, leases and waits between attempts, is as it was, and nothing that was acknowledged is lost.

import type { Client, QueuedMessage } from '../../client/index.ts'
import { startBrokerProcess } from '../support/broker.ts'
import { clockStory, wallClock } from '../support/fake-time.ts'
import { historyProblems } from '../support/queue-history-checks.ts'
import { patientQueueLoadConfig, QueueLoad } from '../support/queue-load.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { until } from '../support/until.ts'

const HOUR = 3_600_000
const SOME = 50
const SEED = 6

const config = {
  ...patientQueueLoadConfig,
  // Repeats come at any time, also right after a jump.
  deduplication: { ...patientQueueLoadConfig.deduplication, window: '1d' },
  channels: [
    ...patientQueueLoadConfig.channels,
    { name: 'timed', mode: 'queue', queue: { ackWait: '30m', retryPolicy: { maxAttempts: 3, backoff: 'fixed', initialDelay: '30m', maxDelay: '30m' }, deadLetter: { maxAge: '1h' } }, deduplication: { enabled: true, window: '1h' } },
    { name: 'quiet', mode: 'queue', queue: { deadLetter: { maxAge: 0 } } },
  ],
}

/** Consumes `timed`, and does with each message what its text says. */
class Worker {
  /** Attempts by text. */
  readonly seen = new Map<string, number[]>()
  readonly held: QueuedMessage[] = []
  /** When the broker received the last one. ms since the epoch */
  lastAtMs = 0

  constructor(client: Client) {
    client.consume('timed', { manual: true, maxInFlight: 64, onMessage: message => this.#handle(message) })
  }

  async has(...texts: readonly string[]): Promise<void> {
    await until(() => texts.every(text => this.seen.has(text)))
  }

  async #handle(message: QueuedMessage): Promise<void> {
    const text = String(message.value)
    this.seen.set(text, [...(this.seen.get(text) ?? []), message.attempt])
    this.lastAtMs = message.time / 1000
    if (text === 'held') return void this.held.push(message)
    if (text === 'dead') return message.term('a test')
    if (text === 'tired') return message.nak()
    if (text === 'back' && message.attempt === 1) return message.nak({ delayMs: 1500 })
    await message.ack()
  }
}

clockStory('queue trouble: a clock that is set forward and back by hours ends no lease, brings no retry early or late, and loses nothing', async t => {
  t.timeout(120_000)
  const clock = wallClock(t)
  const broker = await startBrokerProcess(t, { config, env: clock.env })
  const load = new QueueLoad(seededRandom(SEED))
  load.start(await Promise.all([broker.connect({ requestTimeoutMs: 30_000 }), broker.connect({ requestTimeoutMs: 30_000 })]))
  const client = await broker.connect({ requestTimeoutMs: 30_000 })
  const worker = new Worker(client)
  const publish = async (queue: string, text: string, options: Parameters<Client['publish']>[2] = {}): Promise<boolean> => (await client.publish(queue, text, { ...options, receipt: true })).stored!.isDuplicate
  const left = async (name: string, which: 'waiting' | 'dead'): Promise<string[]> => (await client.call('queue.inspect', { name, which, limit: 100 })).messages.map(({ preview }) => preview.replaceAll('"', ''))
  /** The broker's own clock shows that time. */
  const stands = (offsetMs: number): Promise<void> =>
    until(async () => {
      await publish('timed', 'stamp')
      return Math.abs(worker.lastAtMs - Date.now() - offsetMs) < HOUR / 2
    })

  await publish('quiet', 'one hour', { ttlMs: HOUR })
  await publish('quiet', 'ten hours', { ttlMs: 10 * HOUR })
  for (const text of ['held', 'dead', 'tired']) await publish('timed', text)
  await publish('timed', 'in an hour', { delayMs: HOUR })
  await publish('timed', 'at its hour', { deliverAt: Date.now() + HOUR })
  await publish('timed', 'in ten hours', { delayMs: 10 * HOUR })
  t.false(await publish('timed', 'once', { mid: 'once' }))
  t.true(await publish('timed', 'once', { mid: 'once' }))
  await worker.has('held', 'dead', 'tired', 'once')
  await until(async () => (await left('timed', 'dead')).includes('dead'))
  await load.receipts(SOME)

  clock.set(2 * HOUR)
  await worker.has('in an hour', 'at its hour')
  await stands(2 * HOUR)
  await until(async () => (await left('quiet', 'dead')).includes('one hour'))
  await until(async () => (await left('timed', 'dead')).length === 0)
  t.deepEqual(await left('quiet', 'waiting'), ['ten hours'])
  t.false(await publish('timed', 'once', { mid: 'once' }), 'the window is over')
  await publish('quiet', 'ten minutes', { ttlMs: HOUR / 6 })
  await publish('timed', 'back')
  await worker.has('back')
  await load.receipts(SOME)

  clock.set(-2 * HOUR)
  await until(() => worker.seen.get('back')!.length === 2)
  await stands(-2 * HOUR)
  await load.receipts(SOME)
  t.deepEqual((await left('quiet', 'waiting')).toSorted(), ['ten hours', 'ten minutes'])
  await publish('timed', 'soon', { delayMs: 1 })
  await worker.has('soon')

  clock.set(0)
  await stands(0)
  t.deepEqual([worker.seen.get('held'), worker.seen.get('tired'), worker.seen.get('back')], [[1], [1], [1, 2]])
  await worker.held[0]!.ack()
  t.deepEqual((await left('timed', 'waiting')).toSorted(), ['in ten hours', 'tired'])
  const { counts } = await client.call('queue.show', { name: 'timed' })
  t.is(counts!.retried, 2, 'no ack wait was over')
  // What was delayed by milliseconds before the clock was set back from there is due at the time that it showed then.
  clock.set(3 * HOUR)
  await load.drain(client)
  t.deepEqual({ jobs: historyProblems(load.jobs), done: historyProblems(load.done), told: [...load.errors.keys()] }, { jobs: [], done: [], told: [] })
  t.deepEqual(load.jobs.deliveries.filter(({ answer }) => answer === 'lost'), [])
})
