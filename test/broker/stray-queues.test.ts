import test from 'ava'
import { tellStrayQueues } from '../../broker/stray-queues.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'

test('stray queues: those that no channel has are named in the log, and only those', async t => {
  const rig = new QueuePipeline()
  await rig.openQueue('jobs')
  await tellStrayQueues(rig.core)
  t.deepEqual(rig.log.records.filter(({ level }) => level === 'warn'), [])
  rig.store.names = () => Promise.resolve(['jobs', 'mail', 'news'])
  rig.openChannel({ name: 'news' })
  await tellStrayQueues(rig.core)
  t.like(rig.log.records.find(({ level }) => level === 'warn'), { fields: { queues: ['mail', 'news'], count: 2 } })
})
