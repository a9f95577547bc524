import { join } from 'node:path'
import test from 'ava'
import { startBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { until } from '../support/until.ts'

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
  t.deepEqual(instances.map(({ kind, instance, principal }) => [kind, instance, principal]).toSorted(), [['agent', 'lamp', 'agent:lamp'], ['agent', 'lamp/2', 'agent:lamp/2']])
  const answering = new Set<unknown>()
  for (let i = 0; i < 4; i++) answering.add(await ask('$CB.to.service.lamp', { do: 'pid' }))
  t.deepEqual([...answering].toSorted(), agents.filter(each => each.agent === 'lamp').map(({ pid }) => pid).toSorted())

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
