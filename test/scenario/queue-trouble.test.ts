// Queues on a machine that is in trouble: a disk that is slow or fails, a process that stands still.
// Publishers wait or get an error by name, nothing that was acknowledged is lost, and all goes on without a restart.

import { setTimeout as delay } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { startBrokerProcess, type BrokerProcess, type BrokerProcessOptions } from '../support/broker.ts'
import { historyProblems } from '../support/queue-history-checks.ts'
import { patientQueueLoadConfig, QueueLoad, queueLoadConfig } from '../support/queue-load.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { straceStory } from '../support/system-calls.ts'
import { until } from '../support/until.ts'

const CLIENTS = 2
const SOME = 50
const SEED = 5

interface Story {
  readonly broker: BrokerProcess
  readonly load: QueueLoad
  /** Ends the load and judges all of it. */
  readonly judge: () => Promise<void>
}

/** A broker under load, of which some came through already. */
async function story(t: ExecutionContext, options: Omit<BrokerProcessOptions, 'home'> = {}): Promise<Story> {
  t.timeout(120_000)
  const broker = await startBrokerProcess(t, { config: patientQueueLoadConfig, ...options })
  // What runs it may be a program that does not pass a signal on.
  t.teardown(() => {
    try {
      process.kill(broker.pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  })
  const load = new QueueLoad(seededRandom(SEED))
  load.start(await Promise.all(Array.from({ length: CLIENTS }, () => broker.connect({ requestTimeoutMs: 30_000 }))))
  await load.receipts(SOME)
  const judge = async (): Promise<void> => {
    await load.drain(await broker.connect())
    t.deepEqual({ jobs: historyProblems(load.jobs), done: historyProblems(load.done) }, { jobs: [], done: [] })
  }
  return { broker, load, judge }
}

test.serial('queue trouble: a broker that stands still goes on where it was', async t => {
  const { broker, load, judge } = await story(t)
  process.kill(broker.pid, 'SIGSTOP')
  const before = load.jobs.receipts
  // For so long, and that is the story.
  await delay(700)
  t.true(load.jobs.receipts - before < SOME, 'nobody was told anything')
  process.kill(broker.pid, 'SIGCONT')
  await load.receipts(SOME)
  await judge()
  t.deepEqual([...load.errors.keys()], [])
})

straceStory('queue trouble: publishers wait for a slow disk', async t => {
  const slow = ['strace', '-f', '--seccomp-bpf', '-o', '/dev/null', '-e', 'signal=none', '-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:delay_enter=20000']
  const { load, judge } = await story(t, { through: slow })
  await judge()
  t.deepEqual([...load.errors.keys()], [])
})

straceStory('queue trouble: while the disk fails publishers are told so, and when it works again all goes on', async t => {
  const failing = ['strace', '-f', '--seccomp-bpf', '-o', '/dev/null', '-e', 'signal=none', '-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO:when=30..33']
  // What could not be settled comes again when its lease is over.
  const { load, judge } = await story(t, { config: queueLoadConfig, through: failing })
  await until(() => load.errors.size > 0)
  await load.receipts(SOME)
  await judge()
  // What was written and not synced may come back after a kill: so nobody is told that it is not kept.
  t.deepEqual([...load.errors.keys()].filter(code => !code.startsWith('event ')), ['store.unavailable'])
})
