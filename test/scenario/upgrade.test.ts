import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { HANDOVER_FORMAT } from '../../actors/upgrade/messages.ts'
import type { UpgradeAnswer } from '../../broker/ground/api.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { connect } from '../../client/index.ts'
import { endHolder, holderOf, isRunning } from '../support/broker-home.ts'
import { startCallboard, type Callboard } from '../support/callboard.ts'
import { errorCode } from '../support/error-code.ts'
import { RequestLoad } from '../support/request-load.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

/** `npm run torture` has ten, and 100,000 requests. */
const ROUNDS = Number(process.env['CALLBOARD_TORTURE_UPGRADES'] ?? 2)
const REQUESTS = Number(process.env['CALLBOARD_TORTURE_UPGRADE_REQUESTS'] ?? 1500)
/** Of clients: an answer that comes late on a busy machine is no failure. */
const PATIENCE_MS = 60_000

async function start(t: Teardown, config?: string): Promise<Callboard> {
  const broker = await startCallboard(t, config === undefined ? {} : { config })
  endHolder(t, broker.home)
  return broker
}

const upgrade = async (broker: Callboard, ...words: string[]): Promise<UpgradeAnswer> => (await broker.json('upgrade', ...words))[0] as UpgradeAnswer

/** A program that speaks as a broker that takes over, and ends as `script` says when it is told to. */
function impostor(broker: Callboard, script: string): string {
  const path = join(broker.home, `impostor-${randomUUID()}.mjs`)
  writeFileSync(path, `process.on('message', ({ type }) => { if (type === 'take') { ${script} } }); process.send({ type: 'ready', format: ${HANDOVER_FORMAT}, version: '9.9.9' }); setInterval(() => {}, 1000)`)
  return path
}

test('upgrade: under load over the Unix socket and the gateway no request fails, none is answered twice, and nobody who connects is refused', async t => {
  const broker = await start(t)
  const { socket, gateway, pid } = broker.started
  const home = { home: broker.home }
  const load = await RequestLoad.start(t, [{ ...home, socket }, { ...home, url: gateway! }], { depth: 4 })
  const publisher = await connect({ ...home, socket, agent: false, requestTimeoutMs: PATIENCE_MS })
  const reader = await connect({ ...home, url: gateway!, agent: false, requestTimeoutMs: PATIENCE_MS })
  const got: number[] = []
  const subscription = reader.subscribe<number>('ticks', { onMessage: message => void got.push(message.value) })
  await subscription.ready
  const over = new AbortController()
  let sent = 0
  const ticking = (async () => {
    while (!over.signal.aborted) {
      await publisher.publish('ticks', sent++)
      await new Promise(resolve => setImmediate(resolve))
    }
  })()
  let connected = 0
  const refused: string[] = []
  const visiting = [socket, gateway!].map(async (address, i) => {
    while (!over.signal.aborted) {
      try {
        const visitor = await connect({ ...home, agent: false, requestTimeoutMs: PATIENCE_MS, ...(i === 0 ? { socket: address } : { url: address }), retry: false })
        await visitor.call('ping')
        await visitor.close()
        connected++
      } catch (error) {
        refused.push(BrokerError.from(error).code)
      }
    }
  })
  const pids = [pid]
  const pauseMs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await load.more(REQUESTS / (ROUNDS + 1))
    const upgraded = await upgrade(broker)
    pids.push(upgraded.pid)
    pauseMs.push(upgraded.pauseMs)
  }
  await load.more(REQUESTS / (ROUNDS + 1))
  over.abort()
  await Promise.all([ticking, ...visiting])
  const loaded = await load.end()
  t.deepEqual(loaded.failed, {})
  t.is(loaded.wrong, 0)
  t.deepEqual(refused, [])
  t.true(connected > 0)
  t.is(new Set(pids).size, ROUNDS + 1)
  t.is(holderOf(broker.home), pids.at(-1)!)
  while (got.length < sent) await new Promise(resolve => setImmediate(resolve))
  t.deepEqual(got, Array.from({ length: sent }, (_, i) => i))
  t.log({ ...loaded, connected, ticks: sent, pauseMs })
  publisher.destroy()
  reader.destroy()
  // The process that the shell knows lives as long as the last one, passes signals on, and ends as it ends.
  const end = once(broker.process, 'exit')
  broker.process.kill('SIGTERM')
  t.deepEqual(await end, [0, null])
})

test('upgrade: one that cannot take over changes nothing; requests go on, and it is said what was wrong', async t => {
  const broker = await start(t)
  const { socket, pid } = broker.started
  const load = await RequestLoad.start(t, [{ home: broker.home, socket }])
  for (const [command, problem] of [
    [impostor(broker, 'process.exit(7)'), /exit code 7/],
    [impostor(broker, 'process.kill(process.pid, "SIGKILL")'), /SIGKILL/],
    [impostor(broker, 'process.send({ type: "failed", error: { code: "store.version", message: "store.version: too old", retryable: false } })'), /store\.version: too old/],
    [join(broker.home, 'token'), /cannot be started/],
  ] as const) {
    await load.more(100)
    const { exit, stderr } = await broker.run('upgrade', '--command', command)
    t.is(exit, 1, stderr)
    t.regex(stderr, problem)
    t.regex(stderr, /upgrade\.failed/)
  }
  const config = join(broker.home, 'config.json')
  writeFileSync(config, '{ "gateway": { "prot": 1 } }')
  const wrong = await broker.run('upgrade')
  t.regex(wrong.stderr, /config\.json:1:.*"prot" is not a key of gateway \(upgrade\.failed\)/)
  rmSync(config)
  await load.more(100)
  const loaded = await load.end()
  t.deepEqual(loaded.failed, {})
  t.is(holderOf(broker.home), pid)
  const visitor = await connect({ home: broker.home, socket, agent: false, requestTimeoutMs: PATIENCE_MS })
  t.is((await visitor.call('status')).pid, pid)
  t.deepEqual((await visitor.call('stats')).balanced, true)
  await visitor.close()
  // And then one that can.
  t.not((await upgrade(broker)).pid, pid)
})

test('upgrade: what a queue keeps comes to its consumer, across the upgrade too, and nothing that was acked comes again', async t => {
  const broker = await start(t)
  const { socket } = broker.started
  const client = await connect({ home: broker.home, socket, agent: false, requestTimeoutMs: PATIENCE_MS })
  await client.call('channel.create', { name: 'jobs', mode: 'queue' })
  const acked = new Set<number>()
  const again: number[] = []
  const seen = new Map<number, number>()
  const consumer = client.consume<number>('jobs', {
    onMessage: async message => {
      const n = message.value
      seen.set(n, (seen.get(n) ?? 0) + 1)
      if (acked.has(n)) again.push(n)
      await message.ack()
      acked.add(n)
    },
  })
  client.on('error', () => {})
  await consumer.ready
  const publisher = await connect({ home: broker.home, socket, agent: false, requestTimeoutMs: PATIENCE_MS })
  const over = new AbortController()
  let sent = 0
  const publishing = (async () => {
    while (!over.signal.aborted) await publisher.publish('jobs', sent++, { receipt: true })
  })()
  // Where it fails the test is over, instead of waiting for what nobody publishes.
  let problem: BrokerError | undefined
  publishing.catch((error: unknown) => (problem = BrokerError.from(error)))
  const areAcked = async (count: () => number): Promise<void> => {
    await until(() => problem !== undefined || acked.size >= count(), () => ({ acked: acked.size, sent }))
    if (problem !== undefined) throw problem
  }
  await areAcked(() => 50)
  await upgrade(broker)
  const after = sent
  await areAcked(() => after + 50)
  over.abort()
  await publishing
  await areAcked(() => sent)
  t.deepEqual(again, [])
  t.deepEqual([...acked].toSorted((a, b) => a - b), Array.from({ length: sent }, (_, i) => i))
  t.log({ sent, twice: [...seen.values()].filter(times => times > 1).length })
  client.destroy()
  publisher.destroy()
})

const AGENT = `
import { connect } from ${JSON.stringify(new URL('../../client/index.ts', import.meta.url).pathname)}
const client = await connect()
const answer = message => message.respond({ n: message.value.n + 1, pid: process.pid })
client.subscribe('load.add', { group: 'adders', onMessage: answer })
client.subscribe('$CB.to.agent.' + process.env.CALLBOARD_AGENT, { onMessage: answer })
`

test('upgrade: the instances of an agent are relieved one by one by those of the next broker; no request to it fails, by group, by name or by address', async t => {
  const home = temporaryDirectory(t)
  const program = join(home, 'adder.mjs')
  const config = join(home, 'agents.json')
  writeFileSync(program, AGENT)
  writeFileSync(config, JSON.stringify({ agents: [{ name: 'adder', command: 'node', args: [program], instances: 2 }] }))
  const broker = await start(t, config)
  const { socket } = broker.started
  const asking = await connect({ home: broker.home, socket, agent: false, requestTimeoutMs: PATIENCE_MS })
  const over = new AbortController()
  const failed: string[] = []
  const pids = new Set<number>()
  let asked = 0
  const served = async (subject: string): Promise<void> => {
    // It may not have come up yet.
    while ((await errorCode(asking.request(subject, { n: 0 }))) !== 'resolved') await new Promise(resolve => setTimeout(resolve, 20))
  }
  const ask = async (subject: string): Promise<void> => {
    while (!over.signal.aborted) {
      try {
        const { value } = await asking.request<{ n: number; pid: number }>(subject, { n: 1 })
        pids.add(value.pid)
        asked++
      } catch (error) {
        failed.push(`${subject} ${BrokerError.from(error).code}`)
      }
    }
  }
  await Promise.all([served('load.add'), served('$CB.to.agent.adder'), served('$CB.to.agent.adder/2')])
  const asks = ['load.add', 'load.add', '$CB.to.agent.adder', '$CB.to.agent.adder/2'].map(ask)
  const before = (await asking.call('agents')).agents.map(({ pid: of }) => of!)
  await upgrade(broker)
  while (pids.size < 4 || before.some(isRunning)) await new Promise(resolve => setTimeout(resolve, 20))
  over.abort()
  await Promise.all(asks)
  t.deepEqual(failed, [])
  const after = (await asking.call('agents')).agents.map(({ pid: of }) => of!)
  t.deepEqual([...before, ...after].toSorted((a, b) => a - b), [...pids].toSorted((a, b) => a - b))
  t.log({ asked })
  await asking.close()
})

test('upgrade: asked for over the gateway it is refused, and so it is to whoever does not administer', async t => {
  const broker = await start(t)
  const client = await connect({ home: broker.home, url: broker.started.gateway!, agent: false, requestTimeoutMs: PATIENCE_MS })
  t.is(await errorCode(client.call('upgrade', { program: ['/bin/true'] })), 'upgrade.remote')
  await client.close()
})
