import { join } from 'node:path'
import test from 'ava'
import type { AgentInfo, Client } from '../../client/index.ts'
import { startBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { until } from '../support/until.ts'

const script = join(import.meta.dirname, '../support/fleet-program.ts')
const idle = (name: string, more: object = {}): object => ({ name, command: 'sleep', args: ['1000'], backoff: { initial: '1ms', max: '1ms' }, ...more })

async function agents(client: Client): Promise<Readonly<Record<string, AgentInfo>>> {
  return Object.fromEntries((await client.call('agents')).agents.map(agent => [agent.name, agent]))
}

/** Ends a process of an agent; resolves with all of them when it has another one. */
async function crash(client: Client, name: string): Promise<Readonly<Record<string, AgentInfo>>> {
  const { pid } = (await agents(client))[name]!
  process.kill(pid!, 'SIGKILL')
  let now = await agents(client)
  await until(async () => {
    now = await agents(client)
    return now[name]!.pid !== pid && Object.values(now).every(agent => agent.pid !== undefined)
  })
  return now
}

test('fleet groups: the strategy says whom a failure restarts, in the order of dependencies', async t => {
  const inGroup = (name: string, more: object = {}): object => idle(name, { agentGroup: 'pipeline', ...more })
  // The configuration has them the other way round.
  const ofGroup = [inGroup('last', { dependsOn: ['middle'], startTimeout: '100ms' }), inGroup('middle', { dependsOn: ['first'], startTimeout: '100ms' }), inGroup('first', { startTimeout: '100ms' })]
  for (const [strategy, restarted] of [['oneForOne', ['middle']], ['restForOne', ['middle', 'last']], ['oneForAll', ['first', 'middle', 'last']]] as const) {
    const { connect } = await start(t, { agentGroups: [{ name: 'pipeline', strategy, intensity: 10, period: '1m' }], agents: [...ofGroup, idle('other')] })
    const client = await connect()
    await until(async () => Object.values(await agents(client)).every(({ pid }) => pid !== undefined))
    const before = await agents(client)
    const after = await crash(client, 'middle')
    t.deepEqual(Object.keys(after).filter(name => after[name]!.pid !== before[name]!.pid).toSorted((a, b) => a.localeCompare(b)), restarted.toSorted((a, b) => a.localeCompare(b)), strategy)
    const group = (await client.call('tree')).children.flatMap(root => root.children).find(({ id }) => id === 'agents')!.children.find(({ id }) => id === 'group.pipeline')!
    t.deepEqual(group.children.map(({ id }) => id), ['agent.first', 'agent.middle', 'agent.last'])
  }
})

test('fleet groups: one that fails too often stays down whole, with the reason, until one of it is restarted', async t => {
  const inGroup = (name: string): object => idle(name, { agentGroup: 'pipeline' })
  const { connect } = await start(t, { agentGroups: [{ name: 'pipeline', intensity: 1, period: '10m' }], agents: [inGroup('a'), inGroup('b'), idle('other')] })
  const client = await connect()
  const { other } = await crash(client, 'a')
  process.kill((await agents(client))['b']!.pid!, 'SIGKILL')
  await until(async () => Object.values(await agents(client)).filter(({ quarantine }) => quarantine !== undefined).length === 2)
  const down = await agents(client)
  for (const name of ['a', 'b']) {
    t.is(down[name]!.pid, undefined)
    t.is(down[name]!.phase, 'exited')
    t.regex(down[name]!.quarantine!.reason, /group\.pipeline.*1 restart/)
  }
  t.is(down['other']!.pid, other!.pid)
  t.is(await errorCode(client.call('agent.scale', { name: 'a', instances: 2 })), 'agent.failed')
  t.like(await client.call('agent.restart', { name: 'b' }), { name: 'b', phase: 'run' })
  t.true(Object.values(await agents(client)).every(({ pid, quarantine }) => pid !== undefined && quarantine === undefined))
})

test('fleet groups: the one more of a change that fails concerns nobody else, and is gone after the group gave up', async t => {
  const weather = { name: 'weather', command: 'node', args: [script], version: '1', env: { VERSION: '{version}' }, agentGroup: 'pipeline', intensity: 0 }
  const tick = { name: 'tick', command: 'true', schedule: '* * * * * *', restart: 'temporary', agentGroup: 'pipeline' }
  const { connect, log } = await start(t, { agentGroups: [{ name: 'pipeline', strategy: 'oneForAll', intensity: 0, period: '10m' }], agents: [weather, idle('b', { agentGroup: 'pipeline' }), tick] })
  const client = await connect()
  const upgrade = (version: string): Promise<string> => errorCode(client.call('agent.upgrade', { name: 'weather', version }, { timeoutMs: 60_000 }))
  await until(async () => (await client.call('registry.list', { name: 'weather', kind: 'agent' })).instances.some(({ health }) => health === 'healthy'))
  const before = await agents(client)
  t.is(await upgrade('bad'), 'agent.change_failed')
  const after = await agents(client)
  t.deepEqual(Object.keys(after), ['weather', 'b', 'tick'])
  for (const name of ['weather', 'b']) t.is(after[name]!.pid, before[name]!.pid)

  const failed = upgrade('mute')
  await until(async () => (await agents(client))['weather/2']?.pid !== undefined)
  process.kill(before['b']!.pid!, 'SIGKILL')
  t.is(await failed, 'agent.change_failed')
  await until(async () => (await agents(client))['b']!.quarantine !== undefined)
  // Times that come meanwhile are passed over, and told.
  await until(() => log.records.some(({ fields }) => fields['agent'] === 'tick' && fields['state'] === 'down with its group'))
  t.like(await client.call('agent.restart', { name: 'b' }), { name: 'b', phase: 'run' })
  const revived = await agents(client)
  t.deepEqual(Object.keys(revived), ['weather', 'b', 'tick'])
  for (const name of ['weather', 'b']) t.like(revived[name], { phase: 'run', quarantine: undefined })
})

test('fleet groups: an agent is started when what it depends on serves', async t => {
  const store = { name: 'store', command: 'node', args: [script], env: { VERSION: '1' }, startTimeout: '5m' }
  const { connect, log } = await start(t, { agents: [idle('web', { dependsOn: ['store'] }), store] })
  const client = await connect()
  const attached = client.registry.watch({ name: 'store' })[Symbol.asyncIterator]().next()
  const { web } = await agents(client)
  // Not where the machine was so busy that the store is there already.
  if (web!.pid === undefined) t.deepEqual(web!.waitsFor, ['store'])
  await attached
  await until(async () => (await agents(client))['web']!.pid !== undefined)
  t.is((await agents(client))['web']!.waitsFor, undefined)
  t.false(log.records.some(({ text }) => text.includes('does not serve')))
})

test('fleet groups: what does not come to serve is waited for no longer than its time', async t => {
  const mute = { name: 'store', command: 'no-such-program', startTimeout: '200ms', backoff: { initial: '1h', max: '1h' } }
  const { connect, log } = await start(t, { agents: [idle('web', { dependsOn: ['store'] }), mute] })
  await log.logged(/though what it depends on does not serve/)
  const client = await connect()
  await until(async () => (await agents(client))['web']!.pid !== undefined)
  t.pass()
})

async function start(t: Parameters<typeof startBroker>[0], config: object) {
  const broker = await startBroker(t, { config })
  return { connect: () => broker.connect(), log: broker.log }
}
