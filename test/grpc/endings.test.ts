// How gRPC ends: the broker stops in order, or is killed; a client comes back.

import test from 'ava'
import type { SendResult } from '../../grpc/messages.ts'
import { homePaths } from '../../broker/ground/home.ts'
import { startBrokerProcess } from '../support/broker.ts'
import { startGrpcBroker } from '../support/grpc-broker.ts'
import { GrpcClient } from '../support/grpc-client.ts'
import { HealthClient } from '../support/grpc-health.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

test('grpc: a broker that stops tells streams so, behind what was written to them', async t => {
  const broker = await startGrpcBroker(t)
  const client = broker.grpc()
  const stream = await client.subscribe({ subject: 'a' })
  await client.call('SendMessage', { subject: 'a', payload: Buffer.from('before') })
  await broker.broker.stop()
  t.is(String((await stream.next()).payload), 'before')
  t.like(await stream.ended, { grpc: 14, code: 'connection.draining' })
  t.is((await client.failure('SendMessage', { subject: 'a' })).grpc, 14)
})

test('grpc: after kill -9 streams end at once, and the same channel finds the broker that comes back', async t => {
  const home = temporaryDirectory(t)
  const config = { gateway: { enabled: false }, nats: false, grpc: { tcp: false } }
  const first = await startBrokerProcess(t, { home, config })
  const client = new GrpcClient(t, `unix:${homePaths(home).grpcSocket}`, { token: first.token, channel: { 'grpc.initial_reconnect_backoff_ms': 50, 'grpc.max_reconnect_backoff_ms': 100 } })
  const stream = await client.subscribe({ subject: 'a' })
  await first.end('SIGKILL')
  t.is((await stream.ended).grpc, 14)
  t.is((await client.failure('SendMessage', { subject: 'a' })).grpc, 14)
  await startBrokerProcess(t, { home, config })
  await until(async () => (await client.failure('SendMessage', { subject: 'a' })).code === 'resolved')
  const again = await client.subscribe({ subject: 'a' })
  t.is((await client.call<SendResult>('SendMessage', { subject: 'a' })).receivers, 1)
  await again.next()
})

test('grpc: the health service tells everybody that it serves, and those who watch that it does so no more', async t => {
  const broker = await startGrpcBroker(t)
  const health = new HealthClient(t, broker.tcp)
  t.is(await health.check('callboard.v1.GatewayService'), 'SERVING')
  t.is(await health.check('nothing'), 5)
  // Who watches for longer than a handshake may take has to be somebody.
  const watch = health.watch('', broker.token)
  t.is(await watch.next(), 'SERVING')
  await broker.broker.stop()
  t.is(await watch.next(), 'NOT_SERVING')
})
