import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { startBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { isThere, until } from '../support/until.ts'

const script = join(import.meta.dirname, '../support/obedient-agent.ts')
const agent = (name: string, more: object = {}): object => ({ name, command: 'node', args: [script], backoff: { initial: '10ms', max: '50ms' }, ...more })

test('fleet: instances of an agent are processes with identities of their own, and one name in the registry', async t => {
  const broker = await startBroker(t, { config: { agents: [agent('lamp', { instances: 2 }), { name: 'idle', command: 'sleep', args: ['1000'], instances: 2 }] } })
  const client = await broker.connect()
  const ask = async (subject: string, order: object): Promise<unknown> => (await client.request(subject, order)).value
  for (const id of ['lamp', 'lamp/2']) {
    await until(async () => (await errorCode(client.request(`$CB.to.agent.${id}`, { do: 'pid' }))) === 'resolved')
    const seen = await Promise.all(['CALLBOARD_AGENT', 'CALLBOARD_SERVICE', 'CALLBOARD_INSTANCE'].map(text => ask(`$CB.to.agent.${id}`, { do: 'variable', text })))
    t.deepEqual(seen, [id, 'lamp', id === 'lamp' ? '1' : '2'])
  }
  const { agents } = await client.call('agents')
  t.deepEqual(agents.map(({ name, agent: of, instance }) => [name, of, instance]), [['lamp', 'lamp', 1], ['lamp/2', 'lamp', 2], ['idle', 'idle', 1], ['idle/2', 'idle', 2]])
  const { instances } = await client.call('registry.show', { name: 'lamp' })
  t.deepEqual(Object.fromEntries(instances.map(({ kind, instance, principal }) => [instance, [kind, principal]])), { lamp: ['agent', 'agent:lamp'], 'lamp/2': ['agent', 'agent:lamp/2'] })
  await until(async () => (await client.call('registry.show', { name: 'lamp' })).healthy === 2)
  const answering = new Set<unknown>()
  for (let i = 0; i < 4; i++) answering.add(await ask('$CB.to.service.lamp', { do: 'pid' }))
  t.is(answering.size, 2)
  t.true(agents.every(({ agent: of, pid }) => answering.has(pid) === (of === 'lamp')))

  // One of them alone, then all.
  const pidOf = async (id: string): Promise<number | undefined> => (await client.call('agents')).agents.find(({ name }) => name === id)?.pid
  const before = await Promise.all([pidOf('idle'), pidOf('idle/2')])
  t.like(await client.call('agent.restart', { name: 'idle/2' }), { name: 'idle/2', instance: 2 })
  t.is(await pidOf('idle'), before[0])
  t.not(await pidOf('idle/2'), before[1])
  await client.call('agent.restart', { name: 'idle' })
  t.not(await pidOf('idle'), before[0])
  t.is(await errorCode(client.call('agent.restart', { name: 'idle/3' })), 'agent.unknown')
})

test('fleet: more instances, fewer, none, and what was asked for holds in the next run of the broker', async t => {
  const config = { agents: [{ name: 'idle', command: 'sleep', args: ['1000'] }] }
  const first = await startBroker(t, { config })
  const { home } = first
  const client = await first.connect()
  const names = async (of = client): Promise<string[]> => (await of.call('agents')).agents.map(({ name }) => name)
  const more = await client.call('agent.scale', { name: 'idle', instances: 3 })
  t.deepEqual(more.agents.map(({ name, phase, changed }) => [name, phase, changed]), ['idle', 'idle/2', 'idle/3'].map(name => [name, 'run', ['instances']]))
  t.true(more.agents.every(({ pid }) => isThere(pid!)))
  const { pid } = more.agents[2]!
  await client.call('agent.scale', { name: 'idle', instances: 2 })
  t.deepEqual(await names(), ['idle', 'idle/2'])
  t.false(isThere(pid!))
  t.is(await errorCode(client.call('agent.scale', { name: 'idle/2', instances: 2 })), 'agent.bad_change')
  t.is(await errorCode(client.call('agent.scale', { name: 'idle', instances: -1 })), 'method.bad_params')

  // One is taken out and stays out, until it is restarted.
  const drained = await client.call('agent.drain', { name: 'idle/2' })
  t.deepEqual(drained.agents.map(({ phase }) => phase), ['run', 'exited'])
  t.is((await client.call('agent.restart', { name: 'idle/2' })).phase, 'run')
  await first.broker.stop()

  const second = await startBroker(t, { home })
  t.deepEqual(await names(await second.connect()), ['idle', 'idle/2'])
  await (await second.connect()).call('agent.scale', { name: 'idle', instances: 0 })
  t.deepEqual(await names(await second.connect()), [])
  await second.broker.stop()

  // The configuration says otherwise meanwhile: that counts.
  const third = await startBroker(t, { home, config: { agents: [{ name: 'idle', command: 'sleep', args: ['999'] }] } })
  t.deepEqual((await (await third.connect()).call('agents')).agents.map(({ name, changed }) => [name, changed]), [['idle', undefined]])
})

test('fleet: a change that cannot be kept holds all the same, which is said, and draining what has ended is no error', async t => {
  const broker = await startBroker(t, { config: { agents: [{ name: 'idle', command: 'sleep', args: ['1000'] }, { name: 'brief', command: 'true', restart: 'temporary' }] } })
  const client = await broker.connect()
  const blocked = join(broker.home, 'fleet.json.new')
  mkdirSync(blocked)
  const scale = (): Promise<string> => errorCode(client.call('agent.scale', { name: 'idle', instances: 2 }))
  t.is(await scale(), 'agent.not_kept')
  const idle = (await client.call('agents')).agents.filter(info => info.agent === 'idle')
  t.deepEqual(idle.map(({ phase, changed }) => [phase, changed]), [['run', ['instances']], ['run', ['instances']]])
  rmdirSync(blocked)
  t.is(await scale(), 'resolved')

  await until(async () => (await client.call('agents')).agents.some(({ name, phase, lastExit }) => name === 'brief' && phase === 'exited' && lastExit !== undefined))
  const { agents } = await client.call('agent.drain', { name: 'brief' })
  t.deepEqual(agents.map(({ name, draining }) => [name, draining]), [['brief', undefined]])
})
