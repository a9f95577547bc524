import test from 'ava'
import { Trace } from '../../broker/trace.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'

test('queue trace: a message says where it stands, who had it, and how it died', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const [client, worker] = [rig.native({ client: 'shop' }), rig.native({ client: 'worker' })]
  client.send({ kind: Kind.publish, subject: 'jobs.mail', flags: Flag.headers, headers: { mid: 'order-1' } })
  await rig.settle()
  const number = rig.core.queues.find('jobs')!.number
  rig.core.queueHistory.add('leased', number, 1, 1, 1, worker.connection.number)
  rig.core.queueHistory.add('nacked', number, 1, 1, 1, worker.connection.number, 'no printer')
  kept.listener.happened([{ position: 1, event: 'dead-lettered', attempt: 1, reason: 'max-attempts' }])
  const { entries } = await new Trace(rig.core).show({ messageId: 'order-1', limit: 10 })
  t.is(entries.length, 1)
  t.like(entries[0], { mid: 'order-1', fate: 'stored', receivers: 1 })
  const consumer = { connection: worker.connection.id, client: 'worker' }
  t.deepEqual(entries[0]!.deliveries, [
    {
      connection: 'queue',
      client: 'jobs',
      fate: 'stored',
      queue: { position: 1, stored: 0, events: [{ event: 'leased', at: 0, attempt: 1, ...consumer }, { event: 'nacked', at: 0, attempt: 1, ...consumer, reason: 'no printer' }, { event: 'dead-lettered', at: 0, attempt: 1, reason: 'max-attempts' }] },
    },
  ])
})

test('queue trace: what waits for the store is pending, and each message of a run has its own place', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  const trace = new Trace(rig.core)
  kept.isHolding = true
  const first = client.nextId
  client.link.arrive(Buffer.concat([1, 2, 3].map(() => client.frame({ kind: Kind.publish, subject: 'jobs' }))))
  const show = async (id: number): Promise<readonly object[]> => (await trace.show({ messageId: `${client.connection.number}.${id}`, limit: 1 })).entries[0]!.deliveries!
  t.like((await show(first))[0], { connection: 'queue', client: 'jobs', fate: 'pending' })
  kept.release()
  t.like((await show(first + 2))[0], { fate: 'stored', queue: { position: 3 } })
})

test('queue trace: the write of the receipt was taken for the end of routing, after the message was stored; steps are in order', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  kept.isHolding = true
  const id = client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.receipt })
  await rig.clock.advance(5)
  kept.release()
  await rig.clock.advance(1)
  await rig.settle()
  const [entry] = (await new Trace(rig.core).show({ messageId: `${client.connection.number}.${id}`, limit: 1 })).entries
  t.like(entry!.deliveries![0], { queue: { stored: 5000 } })
  t.deepEqual(entry!.steps, { authorised: 0, routed: 5000 })
})

test('queue trace: what was refused is a drop by name, and a queue that is gone still has its name', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  kept.refusal = new BrokerError('queue.full', { queue: 'jobs' })
  const id = client.publish('jobs')
  await rig.settle()
  const queue = rig.core.queues.find('jobs')!
  await queue.close(new BrokerError('channel.not_found', { channel: 'jobs' }))
  rig.core.queues.forget(queue, new BrokerError('channel.not_found', { channel: 'jobs' }))
  const { entries } = await new Trace(rig.core).show({ messageId: `${client.connection.number}.${id}`, limit: 1 })
  t.is(entries[0]!.fate, 'dropped(not-stored)')
  t.deepEqual(entries[0]!.deliveries, [{ connection: 'queue', client: 'jobs', fate: 'dropped(not-stored)' }])
})
