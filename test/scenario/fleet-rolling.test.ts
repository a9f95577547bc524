import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { BrokerError, type Client } from '../../client/index.ts'
import { startBroker } from '../support/broker.ts'
import { until } from '../support/until.ts'

const script = join(import.meta.dirname, '../support/fleet-program.ts')
const weather = { name: 'weather', command: 'node', args: [script], version: '1', env: { VERSION: '{version}' }, backoff: { initial: '10ms', max: '50ms' }, instances: 2, startTimeout: '20s' }
const SLOW = { timeoutMs: 120_000 }
/** Rolling restarts, upgrades and failures go on until so many requests were answered. */
const LEAST_REQUESTS = Number(process.env['CALLBOARD_TORTURE_FLEET_REQUESTS'] ?? 1000)

interface Answer {
  readonly version: string
  readonly pid: number
}

interface Load {
  /** So far. */
  readonly answered: number
  /** Ends it; what came of its requests. */
  end(): Promise<{ readonly answered: number; readonly failed: readonly string[]; readonly versions: ReadonlySet<string> }>
}

/** Requests by name and to the queue group, several of each open all the time, but for a pause between two. */
function startLoad(clients: readonly Client[], pauseMs = 0): Load {
  const load = { isOver: false }
  let answered = 0
  const failed: string[] = []
  const versions = new Set<string>()
  const ask = async (client: Client, address: string | { readonly service: string }): Promise<void> => {
    while (!load.isOver) {
      try {
        versions.add((await client.request<Answer>(address, 'Oslo', { timeoutMs: 30_000 })).value.version)
        answered++
      } catch (error) {
        failed.push(`${typeof address === 'string' ? address : 'by name'}: ${BrokerError.from(error).message}`)
      }
      if (pauseMs > 0) await delay(pauseMs)
    }
  }
  const running = clients.flatMap(client => Array.from({ length: 4 }, (_, at) => ask(client, at % 2 === 0 ? { service: 'weather' } : 'work')))
  return {
    get answered() {
      return answered
    },
    async end() {
      load.isOver = true
      await Promise.all(running)
      return { answered, failed, versions }
    },
  }
}

async function serving(client: Client, instances: number): Promise<void> {
  await until(async () => (await client.call('registry.list', { name: 'weather', kind: 'agent' })).instances.filter(({ health }) => health === 'healthy').length === instances)
}

test('fleet: rolling restarts, upgrades and a version that fails, and no request fails', async t => {
  const broker = await startBroker(t, { config: { agents: [weather] } })
  const [client, asker] = await Promise.all([broker.connect(), broker.connect()])
  await serving(client, 2)
  const pids = async (): Promise<(number | undefined)[]> => (await client.call('agents')).agents.map(({ pid }) => pid)
  const first = await pids()
  const load = startLoad([asker])

  await client.call('agent.restart', { name: 'weather', rolling: true }, SLOW)
  const second = await pids()
  t.is(second.length, 2)
  t.true(second.every(pid => pid !== undefined && !first.includes(pid)))

  const { agents } = await client.call('agent.upgrade', { name: 'weather', version: '2' }, SLOW)
  t.deepEqual(agents.map(({ name, version, changed }) => ({ name, version, changed })), ['weather', 'weather/2'].map(name => ({ name, version: '2', changed: ['version'] })))

  // It is found out with the one more: no other was touched.
  const third = await pids()
  const error = await t.throwsAsync(client.call('agent.upgrade', { name: 'weather', version: 'bad' }, SLOW), { instanceOf: BrokerError })
  t.is(error.code, 'agent.change_failed')
  t.regex(error.message, /instance 3 \(surge\).*exited with code 7.*all is as it was before/s)
  t.deepEqual(await pids(), third)

  let changes = 3
  while (load.answered < LEAST_REQUESTS) {
    if (changes % 3 === 0) await client.call('agent.restart', { name: 'weather', rolling: true }, SLOW)
    else if (changes % 3 === 1) await client.call('agent.upgrade', { name: 'weather', version: changes % 2 === 0 ? '1' : '2', env: { ROUND: String(changes) } }, SLOW)
    else await t.throwsAsync(client.call('agent.upgrade', { name: 'weather', version: 'bad' }, SLOW), { code: 'agent.change_failed' })
    changes++
  }
  const { answered, failed, versions } = await load.end()
  t.deepEqual(failed, [])
  t.deepEqual([...versions].toSorted((a, b) => a.localeCompare(b)), ['1', '2'])
  t.log(`${answered} requests during ${changes} changes`)
})

test('fleet: a version that runs and never serves is rolled back when its time is over', async t => {
  const broker = await startBroker(t, { config: { agents: [{ ...weather, instances: 1, startTimeout: '1s' }] } })
  const client = await broker.connect()
  await serving(client, 1)
  const error = await t.throwsAsync(client.call('agent.upgrade', { name: 'weather', version: 'mute' }, SLOW), { instanceOf: BrokerError })
  t.regex(error.message, /"weather\/2" does not serve after 1000 ms: it has not connected.*all is as it was before/s)
  t.like(await client.call('agents'), { agents: { 0: { name: 'weather', version: '1' }, length: 1 } })
})

test('fleet: a version whose probe fails in the middle of the change is rolled back, and no request fails', async t => {
  // Two of the instances are well with it, the second is not.
  const probe = { kind: 'command', command: ['sh', '-c', 'test "$VERSION/$CALLBOARD_INSTANCE" != half/2'], interval: '200ms', timeout: '15s' }
  // Long enough for those that are well, however busy the machine is.
  const broker = await startBroker(t, { config: { agents: [{ ...weather, probes: [probe], startTimeout: '15s' }] } })
  const [client, asker] = await Promise.all([broker.connect(), broker.connect()])
  await serving(client, 2)
  const load = startLoad([asker], 5)
  const error = await t.throwsAsync(client.call('agent.upgrade', { name: 'weather', version: 'half' }, SLOW), { instanceOf: BrokerError })
  t.regex(error.message, /instance 2 \(replace\).*does not serve after 15000 ms: command: .*all is as it was before/s)
  const { failed, versions } = await load.end()
  t.deepEqual(failed, [])
  t.deepEqual([...versions].toSorted((a, b) => a.localeCompare(b)), ['1', 'half'])
  const { agents } = await client.call('agents')
  t.deepEqual(agents.map(({ name, version, health }) => [name, version, health]), [['weather', '1', 'healthy'], ['weather/2', '1', 'healthy']])
})
