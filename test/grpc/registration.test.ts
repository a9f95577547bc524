// Agents that register by gRPC: found by others, asked by their name, and gone with their channel, stream or lease.

import test from 'ava'
import type { HealthStatus, RegistrationResult, SendResult } from '../../grpc/messages.ts'
import { startGrpcBroker } from '../support/grpc-broker.ts'
import type { GrpcFailure } from '../support/grpc-client.ts'
import { grpcioTest, pythonClient } from '../support/grpc-python.ts'
import { until } from '../support/until.ts'

const info = { name: 'weather', version: '2.1.0', instance: 'weather-1', capabilities: ['forecast'], metadata: { city: 'Berlin' }, endpoints: [{ name: 'http', url: 'http://127.0.0.1:8080' }], weight: 50, kind: 'agent' }

test('grpc: an agent registers with all that it says of itself, and leaves with its channel', async t => {
  const broker = await startGrpcBroker(t)
  const sdk = await broker.connect()
  const client = broker.grpc()
  const registered = await client.call<RegistrationResult>('RegisterAgent', info)
  t.like(registered, { name: 'weather', instance: 'weather-1', leaseMs: 0 })
  t.regex(registered.registrationId, /^[0-9a-f]{32}$/)
  const { instances } = await sdk.call('registry.list', { capability: 'forecast' })
  t.like(instances[0], { kind: 'agent', name: 'weather', version: '2.1.0', instance: 'weather-1', capabilities: ['forecast'], metadata: { city: 'Berlin' }, weight: 50, health: 'starting', principal: 'owner', transport: 'grpc', connection: registered.connection })
  t.is(instances[0]!.endpoints[0]!.url, 'http://127.0.0.1:8080')
  const again = await client.call<RegistrationResult>('RegisterAgent', { ...info, version: '2.2.0' })
  t.is(again.registrationId, registered.registrationId)
  t.is((await sdk.call('registry.list', { name: 'weather' })).instances[0]!.version, '2.2.0')
  client.close()
  await until(async () => (await sdk.call('registry.list', { name: 'weather' })).total === 0)
  t.pass()
})

test('grpc: an instance is of its name: the same under another name, or as the id of a client, ends nobody', async t => {
  const broker = await startGrpcBroker(t)
  const sdk = await broker.connect({ clientId: 'w1' })
  const client = broker.grpc()
  const sun = await client.call<RegistrationResult>('RegisterAgent', { name: 'sun', instance: 'w1' })
  const stream = await client.subscribe({ registrationId: sun.registrationId, subject: 'sky' })
  await client.call('RegisterAgent', { name: 'moon', instance: 'w1' })
  t.deepEqual((await sdk.call('registry.list', {})).instances.map(({ name, instance }) => `${name} ${instance}`).toSorted(), ['moon w1', 'sun w1'])
  await sdk.publish('sky', 'blue')
  t.is(String((await stream.next()).payload), 'blue')
  // The same name and instance elsewhere takes the place of the first, which is told.
  const again = await broker.grpc().call<RegistrationResult>('RegisterAgent', { name: 'sun', instance: 'w1' })
  t.like(await stream.ended, { grpc: 9, code: 'registry.not_registered' })
  t.is((await client.failure('HealthCheck', { registrationId: sun.registrationId })).code, 'grpc.unknown_registration')
  t.is((await sdk.call('registry.list', { name: 'sun' })).instances[0]!.connection, again.connection)
})

test('grpc: requests to a name come to the stream of its registration, healthy while it listens', async t => {
  const broker = await startGrpcBroker(t)
  const [agent, client, sdk] = [broker.grpc(), broker.grpc({ address: broker.unix }), await broker.connect()]
  const { registrationId, instance } = await agent.call<RegistrationResult>('RegisterAgent', { name: 'weather' })
  t.like(await client.failure('SendMessage', { service: 'weather' }), { grpc: 14, code: 'request.no_responders' })
  const stream = await agent.subscribe({ registrationId })
  await until(async () => (await sdk.call('registry.list', { name: 'weather', health: 'healthy' })).total === 1)
  t.like(await client.call<HealthStatus>('HealthCheck', { service: 'weather' }), { status: 'STATUS_SERVING', parts: [{ name: instance, state: 'healthy' }] })
  t.like(await agent.subscribe({ registrationId }).catch((error: unknown) => error), { code: 'grpc.stream_open' })
  const asking = client.call<SendResult>('SendMessage', { service: 'weather', payload: Buffer.from('Berlin'), version: '>=0' })
  const request = await stream.next()
  t.like(request, { kind: 'KIND_REQUEST', subject: '$CB.to.service.weather' })
  await agent.call('SendMessage', { replyTo: request.replyTo, payload: Buffer.from('sun') })
  const { reply } = await asking
  t.deepEqual([String(reply!.payload), reply!.sender], ['sun', instance])
  await agent.call('SendMessage', { subject: 'weather.news', registrationId })
  t.like(await client.failure('SendMessage', { subject: 'a', registrationId: 'f'.repeat(32) }), { grpc: 5, code: 'grpc.unknown_registration' })
  t.is((await agent.call<HealthStatus>('HealthCheck', { registrationId, report: 'draining', service: 'weather' })).status, 'STATUS_NOT_SERVING')
  t.like(await client.failure('SendMessage', { service: 'weather' }), { code: 'request.no_responders' })
  await agent.call('HealthCheck', { registrationId, report: 'healthy' })
  stream.cancel()
  await until(async () => (await sdk.call('tree')) !== undefined && (await client.failure('SendMessage', { service: 'weather' })).code === 'grpc.not_listening')
  const back = await agent.subscribe({ registrationId })
  const second = client.call<SendResult>('SendMessage', { service: 'weather' })
  await agent.call('SendMessage', { replyTo: (await back.next()).replyTo, payload: Buffer.from('rain') })
  t.is(String((await second).reply!.payload), 'rain')
})

test('grpc: what is said anew replaces what was said, and what is refused changes nothing', async t => {
  const broker = await startGrpcBroker(t)
  const sdk = await broker.connect()
  const client = broker.grpc()
  const { registrationId } = await client.call<RegistrationResult>('RegisterAgent', { ...info, leaseMs: 60_000 })
  t.is((await client.failure('RegisterAgent', { ...info, version: 'newest', leaseMs: 0 })).code, 'registry.bad_version')
  t.is((await client.call<HealthStatus>('HealthCheck', { registrationId, report: 'healthy' })).leaseMs, 60_000)
  t.like((await sdk.call('registry.list', { name: 'weather' })).instances[0], { version: '2.1.0', health: 'healthy', capabilities: ['forecast'], weight: 50 })
  await client.call('RegisterAgent', { name: 'weather' })
  t.like((await sdk.call('registry.list', { name: 'weather' })).instances[0], { version: '0.0.0', instance: 'weather-1', health: 'healthy', capabilities: [], metadata: {}, endpoints: [], weight: 100 })
})

test('grpc: whom a stream leaves without an answer is told at once', async t => {
  const broker = await startGrpcBroker(t)
  const [agent, client] = [broker.grpc(), broker.grpc()]
  const { registrationId } = await agent.call<RegistrationResult>('RegisterAgent', { name: 'lamp' })
  const stream = await agent.subscribe({ registrationId })
  await until(async () => (await client.call<HealthStatus>('HealthCheck', { service: 'lamp' })).status === 'STATUS_SERVING')
  const asking = client.failure('SendMessage', { service: 'lamp' })
  const { replyTo } = await stream.next()
  stream.cancel()
  t.like(await asking, { grpc: 14, code: 'request.responder_gone' })
  t.is((await agent.failure('SendMessage', { replyTo })).code, 'request.not_open')
})

test('grpc: of two streams at once one gets the registration, and the other does it no harm', async t => {
  const broker = await startGrpcBroker(t)
  const agent = broker.grpc()
  const { registrationId } = await agent.call<RegistrationResult>('RegisterAgent', { name: 'lamp' })
  const both = await Promise.allSettled([agent.subscribe({ registrationId, subject: 'news' }), agent.subscribe({ registrationId, subject: 'news' })])
  t.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  const refused = both.find(each => each.status === 'rejected')!
  t.is((refused.reason as GrpcFailure).code, 'grpc.stream_open')
  const stream = both.find(each => each.status === 'fulfilled')!.value
  await broker.grpc().call('SendMessage', { subject: 'news', payload: Buffer.from('light') })
  t.is(String((await stream.next()).payload), 'light')
  stream.cancel()
  await until(() => agent.subscribe({ registrationId }).then(() => true, () => false))
})

test('grpc: an answer that is refused leaves the request open', async t => {
  const broker = await startGrpcBroker(t)
  const agent = broker.grpc()
  const stream = await agent.subscribe({ subject: 'sums' })
  const asking = broker.grpc().call<SendResult>('SendMessage', { kind: 'KIND_REQUEST', subject: 'sums' })
  const { replyTo } = await stream.next()
  t.is((await agent.failure('SendMessage', { replyTo, kind: 'KIND_ERROR' })).code, 'grpc.bad_message')
  t.is((await agent.failure('SendMessage', { replyTo, payload: Buffer.from('3') })).code, 'resolved')
  t.is(String((await asking).reply!.payload), '3')
  t.is((await agent.failure('SendMessage', { replyTo })).code, 'request.not_open')
})

test('grpc: a lease that nobody renews ends the registration', async t => {
  const broker = await startGrpcBroker(t)
  const sdk = await broker.connect()
  const client = broker.grpc()
  const { registrationId, leaseMs } = await client.call<RegistrationResult>('RegisterAgent', { name: 'lamp', leaseMs: 1000 })
  t.is(leaseMs, 1000)
  await until(async () => (await sdk.call('registry.list', { name: 'lamp' })).total === 0)
  t.like(await client.failure('HealthCheck', { registrationId }), { grpc: 5, code: 'grpc.unknown_registration' })
  t.like(await client.failure('RegisterAgent', { name: 'lamp', leaseMs: 5 }), { grpc: 3, code: 'grpc.bad_message' })
  t.like(await client.failure('RegisterAgent', { name: 'no name' }), { grpc: 3, code: 'method.bad_params' })
})

test('grpc: a registration is its own principal\'s alone, and who may not have a name is refused', async t => {
  const token = 'a-token-of-the-guest'
  const broker = await startGrpcBroker(t, { config: { principals: [{ name: 'guest', token, subscribe: { allow: ['x'] }, publish: { allow: ['x'] } }] } })
  const owner = broker.grpc()
  const guest = broker.grpc({ token, principal: 'guest' })
  const { registrationId } = await owner.call<RegistrationResult>('RegisterAgent', { name: 'lamp' })
  const stream = await owner.subscribe({ registrationId })
  const asking = owner.call<SendResult>('SendMessage', { service: 'lamp' })
  const { replyTo } = await stream.next()
  t.like(await guest.failure('SendMessage', { replyTo }), { code: 'request.not_open' })
  t.like(await guest.failure('SendMessage', { subject: 'x', registrationId }), { code: 'grpc.unknown_registration' })
  t.like(await guest.failure('HealthCheck', { registrationId }), { code: 'grpc.unknown_registration' })
  t.like(await guest.failure('RegisterAgent', { name: 'lamp' }), { grpc: 7, code: 'permission.denied' })
  t.like(await guest.subscribe({ subject: 'y' }).catch((error: unknown) => error), { grpc: 7, code: 'permission.denied' })
  t.like(await guest.failure('SendMessage', { subject: 'y' }), { grpc: 7, code: 'permission.denied' })
  await owner.call('SendMessage', { replyTo, payload: Buffer.from('on') })
  t.is(String((await asking).reply!.payload), 'on')
})

test('grpc: a registration outlives a stream that was not read, and the next stream gets what comes then', async t => {
  const broker = await startGrpcBroker(t)
  const [agent, sdk] = [broker.grpc(), await broker.connect()]
  const { registrationId } = await agent.call<RegistrationResult>('RegisterAgent', { name: 'lamp' })
  const unread = await agent.subscribe({ registrationId, subject: 'flood' })
  unread.call.pause()
  for (let i = 0; i < 60; i++) await sdk.publish('flood', new Uint8Array(32 * 1024), { receipt: true })
  unread.cancel()
  await until(async () => (await sdk.call('registry.list', { name: 'lamp', health: 'starting' })).total === 1)
  await until(async () => (await sdk.call('stats')).pending === 0)
  const next = await agent.subscribe({ registrationId, subject: 'drops' })
  for (let i = 0; i < 3; i++) await sdk.publish('drops', `${i}`, { receipt: true })
  t.deepEqual([await next.next(), await next.next(), await next.next()].map(({ payload }) => String(payload)), ['0', '1', '2'])
  t.true((await sdk.call('stats')).balanced)
})

grpcioTest('grpcio: an agent registers, is asked by its name, and is gone when it is killed', async t => {
  const broker = await startGrpcBroker(t)
  const sdk = await broker.connect()
  const python = await pythonClient(t, broker.unix, broker.token)
  const { ok } = (await python.job({ call: 'RegisterAgent', request: { name: 'sum', capabilities: ['add'] } })) as { ok: { registrationId: string } }
  await python.job({ subscribe: { registrationId: ok.registrationId } })
  await until(async () => (await sdk.call('registry.list', { name: 'sum', health: 'healthy' })).total === 1)
  const asking = sdk.request('$CB.to.service.sum', [1, 2])
  const { event } = (await python.job({ next: true })) as { event: { replyTo: string } }
  await python.job({ call: 'SendMessage', request: { replyTo: event.replyTo, payload: Buffer.from('3').toString('base64'), payloadType: 'PAYLOAD_JSON' } })
  t.is((await asking).value, 3)
  await python.kill()
  await until(async () => (await sdk.call('registry.list', { name: 'sum' })).total === 0)
})
