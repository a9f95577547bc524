// A broker that is killed again and again, at random and at named places, while producers and workers use its queues. `npm run torture`
// makes it hundreds of times.

import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { startBrokerProcess, type BrokerProcess } from '../support/broker.ts'
import { historyProblems } from '../support/queue-history-checks.ts'
import { QueueLoad, queueLoadConfig } from '../support/queue-load.ts'
import { seededRandom, type Random } from '../support/seeded-random.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const ROUNDS = Number(process.env['CALLBOARD_TORTURE_CRASHES'] ?? 4)
const MS_A_ROUND = 15_000
/** Said when something was found: the same seed makes the same choices, though not the same moments. */
const SEED = Number(process.env['CALLBOARD_TORTURE_SEED'] ?? randomInt(2 ** 31))
const CLIENTS = 3
/** Places at which the broker ends itself, and most times that it passes there before: rare ones would not come in a round. */
const places: readonly (readonly [name: string, most: number])[] = [
  ['store.after-commit', 100],
  ['store.before-commit', 100],
  ['queue.before-settle', 100],
  ['store.in-forward', 20],
  ['store.in-dead-letter', 5],
  ['store.before-insert', 200],
  ['queue.before-deliver', 100],
  ['store.before-lease', 20],
]
/** Receipts after which a place is taken to be one that this round does not pass. */
const PATIENCE = 3000

/** A broker with the load's queues; undefined: it came to its end before it was ready. */
async function start(t: ExecutionContext, home: string, failPoint: string | undefined): Promise<BrokerProcess | undefined> {
  try {
    return await startBrokerProcess(t, { home, config: queueLoadConfig, ...(failPoint === undefined ? {} : { env: { CALLBOARD_FAIL_POINT: failPoint } }) })
  } catch (error) {
    if (failPoint === undefined) throw error
    return undefined
  }
}

/** Lets it work for a while and sees to it that it ends by SIGKILL. True: it came to the place where it ends itself. */
async function crash(broker: BrokerProcess, load: QueueLoad, random: Random, isAtPlace: boolean): Promise<boolean> {
  const exited = broker.exited.then(() => true)
  if (isAtPlace) {
    if (await Promise.race([exited, load.receipts(PATIENCE).then(() => false)])) return true
  } else {
    await load.receipts(random.between(1, 200))
    await delay(random.between(0, 20))
  }
  await broker.end('SIGKILL')
  return false
}

test('queue crash: a broker that is killed under load keeps every promise that it made', async t => {
  t.timeout(ROUNDS * MS_A_ROUND + 60_000)
  const random = seededRandom(SEED)
  const home = temporaryDirectory(t)
  const load = new QueueLoad(random)
  const reached = new Map<string, number>()
  let broker = (await start(t, home, undefined))!
  load.start(await Promise.all(Array.from({ length: CLIENTS }, () => broker.connect({ retry: { maxRetries: Infinity, retryDelayMs: 10, backoffMultiplier: 1 } }))))
  await crash(broker, load, random, false)
  for (let round = 1; round < ROUNDS; round++) {
    const [place, most] = places[(round - 1) % places.length]!
    // Every third is killed from outside.
    const failPoint = round % 3 === 0 ? undefined : `${place}@${random.between(1, most)}`
    const next = await start(t, home, failPoint)
    const hasReached = next === undefined || (await crash(next, load, random, failPoint !== undefined))
    if (hasReached) reached.set(place, (reached.get(place) ?? 0) + 1)
  }
  broker = (await start(t, home, undefined))!
  const reader = await broker.connect()
  await load.drain(reader)

  const { jobs, done } = load
  t.log(`seed ${SEED}: ${jobs.published.size} messages, ${jobs.deliveries.length} deliveries, ${done.published.size} forwards, ${ROUNDS} crashes, ${JSON.stringify(Object.fromEntries(reached))}, told ${JSON.stringify(Object.fromEntries(load.errors))}`)
  t.deepEqual({ jobs: historyProblems(jobs), done: historyProblems(done) }, { jobs: [], done: [] })
  for (const name of ['jobs', 'done']) {
    const { counts } = await reader.call('queue.show', { name })
    const { stored, replayed, acked, forwarded, deadLettered, expired, dropped, purged } = counts!
    t.is(stored + replayed, acked + forwarded + deadLettered + expired + dropped + purged, name)
    t.is(stored, (name === 'jobs' ? jobs : done).places, `${name}: as many messages as were seen`)
  }
  t.true(reached.size >= Math.min(places.length, Math.floor((ROUNDS - 1) / 2)), 'places are reached')
})
