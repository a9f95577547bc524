// Agents that speak NATS or gRPC: what supervises agents knows them by the credential that they were given.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { startBroker } from '../support/broker.ts'
import { startGrpcBroker } from '../support/grpc-broker.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const script = join(import.meta.dirname, '../support/nats-agent.ts')

test('nats agents: a ping finds one well, its connections stand beside each other, and it is drained without a loss', async (t) => {
  const port = await reservedPort(t)
  const lamp = { name: 'lamp', command: 'node', args: [script], env: { NATS_PORT: String(port) }, instances: 2, probes: [{ kind: 'ping', interval: '200ms', timeout: '3s', failureThreshold: 3 }], backoff: { initial: '10ms', max: '50ms' } }
  const broker = await startBroker(t, { config: { nats: { port }, agents: [lamp] } })
  const client = await broker.connect()
  const about = async (): Promise<{ health: unknown; incarnation: number; pid: number | undefined }[]> => (await client.call('agents')).agents.map(({ health, incarnation, pid }) => ({ health, incarnation, pid }))
  const serving = async (): Promise<void> => until(async () => (await client.call('registry.list', { name: 'lamp', kind: 'agent' })).instances.filter(({ health }) => health === 'healthy').length === 2)
  await serving()
  const before = await about()
  t.deepEqual(before.map(({ health, incarnation }) => [health, incarnation]), [['healthy', 1], ['healthy', 1]])
  const connections = (await client.call('connections')).connections.filter(({ principal }) => principal.startsWith('agent:lamp'))
  t.deepEqual(connections.map(({ principal }) => principal).sort(), ['agent:lamp', 'agent:lamp', 'agent:lamp/2', 'agent:lamp/2'])
  // Stopped, it does not answer its pings.
  process.kill(before[0]!.pid!, 'SIGSTOP')
  await until(async () => (await about())[0]!.incarnation === 2 && (await about())[0]!.health === 'healthy')
  t.is((await about())[1]!.incarnation, 1)
  await serving()
  // Some of these are its work, by its second connection, when it begins to drain.
  const work = Array.from({ length: 20 }, () => client.request('work', {}, { timeoutMs: 60_000 }))
  const [, second] = await about()
  await client.call('agent.drain', { name: 'lamp/2' }, { timeoutMs: 60_000 })
  const answers = (await Promise.all(work)).map(({ value }) => String(value))
  t.true(answers.includes(String(second!.pid)))
  t.is(String((await client.request('work', {}, { timeoutMs: 60_000 })).value), String((await about())[0]!.pid))
})

test('grpc agents: whoever calls with the credential of an instance is its connection, until it goes', async (t) => {
  const file = join(temporaryDirectory(t), 'token')
  const lamp = { name: 'lamp', command: 'sh', args: ['-c', `printf %s "$CALLBOARD_TOKEN" > ${file}.new && mv ${file}.new ${file} && exec sleep 1000`], shutdown: '100ms', probes: [{ kind: 'ping', interval: '100ms', failureThreshold: 600, onFailure: 'unhealthy' }] }
  const broker = await startGrpcBroker(t, { config: { agents: [lamp] } })
  const client = await broker.connect()
  await until(() => existsSync(file))
  await until(async () => (await client.call('agents')).agents[0]?.problem === 'ping: is not connected')
  const agent = broker.grpc({ token: readFileSync(file, 'utf8'), principal: 'agent:lamp' })
  await agent.call('HealthCheck', {})
  await until(async () => (await client.call('agents')).agents[0]?.health === 'healthy')
  await agent.call('RegisterAgent', { name: 'lamp' })
  t.like((await client.call('registry.list', { name: 'lamp' })).instances, [{ kind: 'agent', principal: 'agent:lamp' }])
  agent.close()
  await until(async () => (await client.call('agents')).agents[0]?.probes?.[0]?.problem === 'is not connected')
})
