// Who is let in by gRPC, and how: tokens, challenges, principals, sockets.

import { createHmac } from 'node:crypto'
import test from 'ava'
import { startGrpcBroker } from '../support/grpc-broker.ts'
import type { GrpcClient } from '../support/grpc-client.ts'
import { until } from '../support/until.ts'

const CLIENT_NONCE = 'a-nonce-of-the-client'

function macOf(token: string, nonce: string, principal = 'owner', word = 'proof'): string {
  return createHmac('sha256', token).update(`callboard-${word}-v1\n${nonce}\n${CLIENT_NONCE}\n${principal}`).digest('hex')
}

async function nonceOf(client: GrpcClient): Promise<string> {
  const { trailers } = await client.failure('HealthCheck', {}, { metadata: { authorization: `Challenge ${CLIENT_NONCE}` } })
  return String(trailers.get('callboard-nonce')[0])
}

test('grpc credentials: without one, with a wrong one, and with one of no known form nobody is let in', async t => {
  const broker = await startGrpcBroker(t)
  const nobody = broker.grpc({ token: undefined as never })
  t.like(await nobody.failure('HealthCheck', {}), { grpc: 16, code: 'auth.required' })
  t.like(await nobody.failure('HealthCheck', {}, { metadata: { authorization: 'Basic eDp5' } }), { grpc: 16, code: 'grpc.bad_credential' })
  t.like(await nobody.failure('HealthCheck', {}, { metadata: { authorization: 'Bearer wrong' } }), { grpc: 16, code: 'auth.failed' })
  t.like(await nobody.subscribe({ subject: 'a' }).catch((error: unknown) => error), { grpc: 16, code: 'auth.required' })
  t.like(await nobody.failure('RegisterAgent', { name: 'x' }), { grpc: 16, code: 'auth.required' })
  t.like(await nobody.failure('HealthCheck', {}, { metadata: { authorization: `bearer ${broker.token}`, 'callboard-principal': 'somebody' } }), { grpc: 16, code: 'auth.failed' })
  t.is((await nobody.failure('HealthCheck', {}, { metadata: { authorization: `bearer ${broker.token}` } })).code, 'resolved')
})

test('grpc credentials: a challenge is answered without showing the token, once, and the broker proves itself', async t => {
  const broker = await startGrpcBroker(t)
  const client = broker.grpc()
  const nonce = await nonceOf(client)
  const proof = { authorization: `Proof ${nonce} ${macOf(broker.token, nonce)}` }
  t.is((await client.failure('HealthCheck', {}, { metadata: proof })).code, 'resolved')
  t.is((await client.failure('SendMessage', { subject: 'a' }, { metadata: proof })).code, 'resolved')
  const other = broker.grpc()
  t.like(await other.failure('HealthCheck', {}, { metadata: proof }), { grpc: 16, code: 'auth.replayed' })
  const second = await nonceOf(client)
  t.like(await client.failure('HealthCheck', {}, { metadata: { authorization: `Proof ${second} ${macOf('wrong', second)}` } }), { code: 'auth.failed' })
  const third = await nonceOf(client)
  const stream = await client.subscribe({ subject: 'a' }, { authorization: `Proof ${third} ${macOf(broker.token, third)}` })
  t.is((await stream.started).get('callboard-proof')[0], macOf(broker.token, third, 'owner', 'welcome'))
  await client.call('SendMessage', { subject: 'a' }, { metadata: proof })
  t.is((await stream.next()).subject, 'a')
})

test('grpc credentials: where authentication is not required, the Unix socket lets its owner in, and TCP nobody', async t => {
  const broker = await startGrpcBroker(t, { config: { ipc: { security: { requireAuth: false } } } })
  const owner = broker.grpc({ token: undefined as never, address: broker.unix })
  const stream = await owner.subscribe({ subject: 'a' })
  await owner.call('SendMessage', { subject: 'a' })
  t.is((await stream.next()).subject, 'a')
  t.like(await broker.grpc({ token: undefined as never }).failure('HealthCheck', {}), { grpc: 16, code: 'auth.required' })
})

test('grpc credentials: programs that are not allowed are kept out of the Unix socket', async t => {
  const broker = await startGrpcBroker(t, { config: { ipc: { security: { allowedProcesses: ['callboard-cli'] } } } })
  t.like(await broker.grpc({ address: broker.unix }).failure('HealthCheck', {}), { grpc: 7, code: 'auth.process_not_allowed' })
})

test('grpc credentials: calls of several principals share a channel and stay apart', async t => {
  const principals = ['ada', 'bob'].map(name => ({ name, token: `token-of-${name}-000`, publish: { allow: [name] }, subscribe: { allow: ['>'] } }))
  const broker = await startGrpcBroker(t, { config: { principals } })
  const client = broker.grpc()
  const as = (name: string): { metadata: Record<string, string> } => ({ metadata: { authorization: `Bearer token-of-${name}-000`, 'callboard-principal': name } })
  const stream = await client.subscribe({ subject: '*' })
  await Promise.all([client.call('SendMessage', { subject: 'ada' }, as('ada')), client.call('SendMessage', { subject: 'bob' }, as('bob'))])
  t.like(await client.failure('SendMessage', { subject: 'ada' }, as('bob')), { grpc: 7, code: 'permission.denied' })
  const events = [await stream.next(), await stream.next()]
  t.is(new Set(events.map(({ sender }) => sender)).size, 2)
  const { connections } = await (await broker.connect()).call('connections')
  t.deepEqual(connections.filter(({ transport }) => transport === 'grpc').map(({ principal }) => principal).toSorted(), ['ada', 'bob', 'owner'])
})

test('grpc credentials: a token that is taken back ends streams and refuses calls', async t => {
  const principal = { name: 'ada', token: 'token-of-ada-000' }
  const broker = await startGrpcBroker(t, { config: { principals: [principal] } })
  const client = broker.grpc({ token: principal.token, principal: 'ada' })
  const stream = await client.subscribe({ subject: 'a' })
  await client.call('SendMessage', { subject: 'a' })
  const { loadConfigOf } = await import('../../config/load.ts')
  const { settings } = await loadConfigOf({ home: broker.home })
  broker.broker.reload({ ...settings, principals: [] })
  t.is((await stream.ended).grpc, 16)
  await until(async () => (await client.failure('SendMessage', { subject: 'a' })).code === 'auth.failed')
})
