// A broker that has no file descriptor left: those who are connected go on as before, newcomers are turned away, and come in when there are some.

import { startBrokerProcess } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { openFilesStory, takeDescriptors } from '../support/open-files.ts'
import { historyProblems } from '../support/queue-history-checks.ts'
import { patientQueueLoadConfig, QueueLoad } from '../support/queue-load.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { until } from '../support/until.ts'

const SOME = 300
const SEED = 7

openFilesStory('queue trouble: without file descriptors queues and figures go on, and newcomers come in when there are some again', async t => {
  t.timeout(120_000)
  const broker = await startBrokerProcess(t, { config: patientQueueLoadConfig })
  const load = new QueueLoad(seededRandom(SEED))
  load.start(await Promise.all([broker.connect({ requestTimeoutMs: 30_000 }), broker.connect({ requestTimeoutMs: 30_000 })]))
  const client = await broker.connect()
  await load.receipts(SOME)
  // Figures of queues are as of the broker's last look, once a second.
  const stored = async (): Promise<number> => (await client.call('metrics'))['queue_stored_total'] ?? 0
  await until(async () => (await stored()) > 0)

  /** What the broker closes by itself somebody else may have, until one is turned away. */
  const fill = async (): Promise<void> => {
    for (let guests = 0; (await errorCode(broker.connect({ connectTimeoutMs: 500 }))) === 'resolved'; guests++) if (guests > 50) throw new Error('there are descriptors')
  }

  const giveBack = takeDescriptors(broker.pid)
  t.teardown(giveBack)
  await load.receipts(SOME)
  await fill()
  for (let look = 0; look < 2; look++) {
    const before = await stored()
    await until(async () => (await stored()) > before)
  }
  await load.receipts(SOME)
  t.is(await errorCode(client.call('status')), 'resolved')
  await fill()

  giveBack()
  await until(async () => (await errorCode(broker.connect())) === 'resolved')
  await load.drain(client)
  t.deepEqual({ jobs: historyProblems(load.jobs), done: historyProblems(load.done), told: [...load.errors.keys()] }, { jobs: [], done: [], told: [] })
})
