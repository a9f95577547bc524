// How the broker's errors are told by gRPC.

import { status as Code } from '@grpc/grpc-js'
import test from 'ava'
import { BrokerError, errorTable, type ErrorCode } from '../../broker/ground/errors.ts'
import { codeOf, statusOf } from '../../grpc/status.ts'
import { startGrpcBroker } from '../support/grpc-broker.ts'

/** Areas of errors that no gRPC client can meet: of programs, homes and other transports. */
const ofOthers = new Set(['websocket', 'gateway', 'connect', 'client', 'broker', 'listener', 'config', 'supervisor', 'actor', 'internal', 'home', 'telemetry', 'nats', 'tls', 'backup', 'sandbox', 'memory', 'upgrade', 'watchdog', 'service', 'request', 'flow', 'fifo'])

test('grpc status: every code that a client can meet has a gRPC code that says what to do', t => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const error = new BrokerError(code)
    const told = codeOf(error)
    t.not(told, Code.OK, code)
    if (!ofOthers.has(code.split('.')[0]!)) t.not(told, Code.INTERNAL, code)
    // What a client library tries again by itself must be worth it.
    if (told === Code.UNAVAILABLE) t.true(error.retryable, code)
  }
})

test('grpc status: details say all that the error knows, and fit every client\'s header block', t => {
  const { code, details, metadata } = statusOf(new BrokerError('frame.malformed', { problem: `\ud800${'x'.repeat(100_000)}`, other: 'y'.repeat(100_000) }))
  t.is(code, Code.INVALID_ARGUMENT)
  t.true(details.isWellFormed())
  const bytes = metadata.get('grpc-status-details-bin')[0] as Buffer
  t.true((bytes.length * 4) / 3 + encodeURI(details).length < 7000, `${bytes.length}`)
  t.like(statusOf(new TypeError('oops')), { code: Code.INTERNAL, details: 'internal.error: internal error: oops' })
})

test('grpc status: each kind of refusal arrives with its code', async t => {
  const broker = await startGrpcBroker(t, { config: { channels: [{ name: 'jobs', mode: 'queue' }] } })
  const client = broker.grpc()
  const send = (message: object): Promise<object> => client.failure('SendMessage', message)
  for (const [message, grpc, code] of [
    [{}, 3, 'grpc.bad_message'],
    [{ subject: 'a b' }, 3, 'subject.invalid'],
    [{ subject: '' }, 3, 'subject.invalid'],
    [{ channel: 'nowhere' }, 5, 'channel.not_found'],
    [{ subject: 'a', headers: { ttl: '5' } }, 3, 'grpc.bad_message'],
    [{ subject: 'a', headers: { sender: 'somebody' } }, 3, 'grpc.bad_message'],
    [{ subject: 'a', queue: { delayMs: 5 } }, 3, 'queue.bad_option'],
    [{ subject: 'a', kind: 'KIND_RESPONSE' }, 3, 'grpc.bad_message'],
    [{ subject: 'a', many: true }, 3, 'grpc.bad_message'],
    [{ subject: 'a', payloadType: 9 }, 3, 'grpc.bad_message'],
    [{ kind: 'KIND_REQUEST', subject: '$CB.api.nothing' }, 12, 'method.unknown'],
    [{ kind: 'KIND_REQUEST', subject: 'nobody' }, 14, 'request.no_responders'],
    [{ replyTo: '1.2.3' }, 9, 'request.not_open'],
    [{ replyTo: 'nonsense' }, 9, 'request.not_open'],
    [{ subject: 'a', registrationId: 'x' }, 5, 'grpc.unknown_registration'],
  ] as const) t.like(await send(message), { grpc, code }, JSON.stringify(message))
  for (const [topic, grpc, code] of [
    [{}, 3, 'grpc.bad_message'],
    [{ subject: 'a..b' }, 3, 'pattern.invalid'],
    [{ subject: '$SYS.>' }, 7, 'permission.denied'],
    [{ channel: 'nowhere' }, 5, 'channel.not_found'],
    [{ subject: 'a', filter: '&&' }, 3, 'filter.invalid'],
    [{ subject: 'a', flow: { overflow: 'explode' } }, 3, 'frame.malformed'],
    [{ registrationId: 'x' }, 5, 'grpc.unknown_registration'],
  ] as const) t.like(await client.subscribe(topic).catch((error: unknown) => error), { grpc, code }, JSON.stringify(topic))
  const info = (await client.failure('SendMessage', { channel: 'nowhere' }) as { info?: object }).info
  t.deepEqual(info, { reason: 'CHANNEL_NOT_FOUND', domain: 'callboard', metadata: { channel: 'nowhere', code: 'channel.not_found', retryable: 'false' } })
})

test('grpc status: requests that fail elsewhere say why', async t => {
  const broker = await startGrpcBroker(t)
  const client = broker.grpc()
  const sdk = await broker.connect()
  await sdk.subscribe('fails', { onMessage: request => request.fail('out.of_ink', 'no ink') }).ready
  t.like(await client.failure('SendMessage', { kind: 'KIND_REQUEST', subject: 'fails' }), { grpc: 2, code: 'request.failed', message: 'no ink' })
  const leaving = await broker.connect()
  await leaving.subscribe('leaves', { onMessage: () => leaving.destroy() }).ready
  t.like(await client.failure('SendMessage', { kind: 'KIND_REQUEST', subject: 'leaves' }), { grpc: 14, code: 'request.responder_gone' })
  const slow = await startGrpcBroker(t, { config: { ipc: { timeout: '50ms' } } })
  await (await slow.connect()).subscribe('slow').ready
  t.like(await slow.grpc().failure('SendMessage', { kind: 'KIND_REQUEST', subject: 'slow' }), { grpc: 4, code: 'request.timeout' })
  const signed = await startGrpcBroker(t, { config: { ipc: { security: { validateSignature: true } } } })
  t.like(await signed.grpc().failure('SendMessage', { subject: 'a' }), { grpc: 9, code: 'auth.signature_missing' })
})
