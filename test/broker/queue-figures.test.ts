import test from 'ava'
import { BrokerMetrics } from '../../broker/metrics-source.ts'
import { metricsOf } from '../../broker/metrics.ts'
import { QueueFigures, type CountedQueue } from '../../broker/queue-figures.ts'
import type { QueueCounts } from '../../broker/ground/store.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { hostOf } from '../support/pipeline-view.ts'
import { noCounts } from '../support/queue-info.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'

/** A queue that counts what a test says. */
function counted(name: string, counts: () => Promise<Partial<QueueCounts>>): CountedQueue {
  return { name, stored: { counts: async () => ({ ...noCounts, ...(await counts()) }) } }
}

test('queue figures: rates are growth over the last ten seconds', async t => {
  const figures = new QueueFigures()
  let stored = 0
  const queue = counted('jobs', async () => ({ stored, acked: stored / 2 }))
  await figures.look([queue], 0)
  t.deepEqual(figures.rates('jobs'), { stored: 0, acked: 0, coversMs: 0 })
  for (let second = 1; second <= 30; second++) {
    stored += second <= 20 ? 100 : 4
    await figures.look([queue], second * 1000)
  }
  t.deepEqual(figures.rates('jobs'), { stored: 4, acked: 2, coversMs: 10_000 })
  t.is(figures.counts('jobs')?.stored, 2040)
  t.deepEqual(figures.rates('other'), { stored: 0, acked: 0, coversMs: 0 })
})

test('queue figures: a store that cannot tell keeps its last figures, a queue that is gone has none', async t => {
  const figures = new QueueFigures()
  await figures.look([counted('jobs', async () => ({ ready: 3 })), counted('gone', async () => ({}))], 0)
  await figures.look([counted('jobs', () => Promise.reject(new Error('away'))), { name: 'closed', stored: undefined }], 1000)
  t.is(figures.counts('jobs')?.ready, 3)
  t.deepEqual([...figures.all()].map(([name]) => name), ['jobs'])
})

test('queue figures: a slow store is asked once at a time', async t => {
  const figures = new QueueFigures()
  let asked = 0
  let answer: (() => void) | undefined
  const slow = counted('jobs', () => new Promise(resolve => {
    asked++
    answer = () => resolve({ ready: asked })
  }))
  const first = figures.look([slow], 0)
  await figures.look([slow], 1000)
  t.is(asked, 1)
  answer!()
  await first
  const third = figures.look([slow], 2000)
  answer!()
  await third
  t.is(asked, 2)
})

test('queue metrics: sums of all queues stand among the metrics, and each queue is told apart for telemetry', async t => {
  const rig = new QueuePipeline()
  const client = rig.native()
  await rig.openQueue('jobs')
  await rig.openQueue('mail')
  for (const subject of ['jobs', 'jobs', 'mail']) client.send({ kind: Kind.publish, subject })
  await rig.settle()
  const { core } = rig
  await core.queueFigures.look(core.queues.list(), rig.clock.monotonicMs())
  t.like(metricsOf(rig.pipeline, undefined), { queues: 2, queues_failed: 0, queue_messages_waiting: 3, queue_messages_in_flight: 0, queue_stored_total: 3, queue_dead_letters: 0 })
  const source = new BrokerMetrics(rig.pipeline, hostOf(() => rig))
  t.deepEqual([...source.queues()].map(({ name, counts, consumers }) => [name, counts.ready, consumers]), [['jobs', 2, 0], ['mail', 1, 0]])
})

test('queue metrics: a broker without queues has them all, at nothing', t => {
  const metrics = metricsOf(new QueuePipeline().pipeline, undefined)
  const own = Object.entries(metrics).filter(([name]) => name.startsWith('queue'))
  t.is(own.length, 14)
  t.deepEqual(own.filter(([, value]) => value !== 0), [])
})
