// The keys of the block `grpc`, each in a broker that has it and in one that has not.

import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { homePaths } from '../../broker/ground/home.ts'
import { startBroker } from '../support/broker.ts'
import { closed } from '../support/closed.ts'
import { startGrpcBroker } from '../support/grpc-broker.ts'
import { GrpcClient } from '../support/grpc-client.ts'
import { reflectedServices } from '../support/grpc-reflection.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

test('grpc keys: without the block there is no gRPC, with it there is', async t => {
  const without = await startBroker(t, { config: { gateway: { enabled: false }, nats: false } })
  t.deepEqual([without.broker.grpcAddress, existsSync(homePaths(without.home).grpcSocket)], [undefined, false])
  const broker = await startGrpcBroker(t)
  t.true(existsSync(homePaths(broker.home).grpcSocket))
  t.is((await broker.grpc({ address: broker.unix }).failure('HealthCheck', {})).code, 'resolved')
})

test('grpc keys: tcp, socket, host and port say where it is', async t => {
  const socket = join(temporaryDirectory(t), 'g.sock')
  const { broker, token } = await startGrpcBroker(t, { config: { grpc: { tcp: false, socket } } })
  t.deepEqual([broker.grpcAddress, broker.grpcSocketPath], [undefined, socket])
  t.is((await new GrpcClient(t, `unix:${socket}`, { token }).failure('HealthCheck', {})).code, 'resolved')
  const port = await reservedPort(t, '127.0.0.2')
  const other = await startGrpcBroker(t, { config: { grpc: { host: '127.0.0.2', port } } })
  t.is(other.broker.grpcAddress, `http://127.0.0.2:${port}`)
  t.is((await other.grpc({ address: `127.0.0.2:${port}` }).failure('HealthCheck', {})).code, 'resolved')
})

test('grpc keys: a port that is taken ends the start', async t => {
  const first = await startGrpcBroker(t)
  await t.throwsAsync(startGrpcBroker(t, { config: { grpc: { port: Number(first.tcp.split(':')[1]) } } }), { code: 'listener.failed' })
})

test('grpc keys: maxConnections cuts off who comes above it, by both ways together', async t => {
  const broker = await startGrpcBroker(t, { config: { grpc: { maxConnections: 1 } } })
  const first = broker.grpc({ address: broker.unix })
  await first.call('HealthCheck', {})
  const socket = connect(Number(broker.tcp.split(':')[1]), '127.0.0.1')
  socket.on('error', () => {})
  await closed(socket)
  first.close()
  // One client: of several the first that was cut off comes back for the one place.
  const next = broker.grpc()
  await until(async () => (await next.failure('HealthCheck', {})).code === 'resolved')
  t.pass()
})

test('grpc keys: maxCalls has calls above it wait in the client', async t => {
  const broker = await startGrpcBroker(t, { config: { grpc: { maxCalls: 1 } } })
  const client = broker.grpc()
  const stream = await client.subscribe({ subject: 'a' })
  t.is((await client.failure('HealthCheck', {}, { deadlineMs: 500 })).grpc, 4)
  const sdk = await broker.connect()
  stream.cancel()
  await until(async () => (await sdk.call('connections')).connections.every(({ transport }) => transport !== 'grpc'))
  t.like(await client.failure('HealthCheck', {}, { deadlineMs: 20_000 }), { code: 'resolved', message: '' })
})

test('grpc keys: reflection tells what there is, or nothing', async t => {
  const broker = await startGrpcBroker(t)
  t.deepEqual((await reflectedServices(t, broker.tcp, broker.token)).toSorted(), ['callboard.v1.GatewayService', 'grpc.health.v1.Health'])
  const silent = await startGrpcBroker(t, { config: { grpc: { reflection: false } } })
  t.is(await reflectedServices(t, silent.tcp, silent.token).catch((error: unknown) => (error as { code: number }).code), 12)
})
