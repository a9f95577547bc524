// Another implementation of gRPC at the service: grpcio, which knows the service by reflection alone.

import { startGrpcBroker } from '../support/grpc-broker.ts'
import { grpcioTest, pythonClient } from '../support/grpc-python.ts'
import { until } from '../support/until.ts'
import { withMoreTime } from '../support/with-more-time.ts'

for (const transport of ['tcp', 'unix'] as const) {
  grpcioTest(`grpcio by ${transport}: publishes, subscribes, asks, answers and cancels`, async t => {
    const broker = await startGrpcBroker(t)
    const sdk = await broker.connect()
    const python = await pythonClient(t, broker[transport], broker.token)
    t.deepEqual(python.methods, ['HealthCheck', 'RegisterAgent', 'SendMessage', 'Subscribe'])
    const { started } = await python.job({ subscribe: { subject: 'home.>' } })
    t.regex((started as Record<string, string>)['callboard-client']!, transport === 'unix' ? new RegExp(`^grpc-python-${python.pid}`) : /^client-\d+$/)
    await sdk.publish('home.lamp', { on: true }, { headers: { room: 'hall' } })
    t.like(await python.job({ next: true }), { event: { kind: 'KIND_MESSAGE', subject: 'home.lamp', payloadType: 'PAYLOAD_MSGPACK', headers: { room: 'hall' }, sender: sdk.id } })
    const asking = sdk.request('home.temperature')
    const { event } = (await python.job({ next: true })) as { event: { replyTo: string } }
    // The stream is read by the one thread that answers: the answer must not wait for it.
    t.deepEqual(await python.job({ call: 'SendMessage', request: { replyTo: event.replyTo, payload: Buffer.from('21').toString('base64'), payloadType: 'PAYLOAD_TEXT' } }), { ok: {} })
    t.is((await asking).value, '21')
    t.deepEqual(await python.job({ cancel: true }), { code: 'CANCELLED' })
    await until(async () => (await sdk.call('connections')).connections.every(({ subscriptions }) => subscriptions === 0))
    await sdk.subscribe('sum', { onMessage: request => request.respond('6') }).ready
    t.like(await python.job({ call: 'SendMessage', request: { kind: 'KIND_REQUEST', subject: 'sum' } }), { ok: { reply: { payload: Buffer.from('6').toString('base64') } } })
    t.like(await python.job({ call: 'HealthCheck', request: {} }), { ok: { version: broker.broker.tree().detail.split(',')[0] } })
  })
}

grpcioTest('grpcio: errors arrive with code, message, trailers and details', async t => {
  const broker = await startGrpcBroker(t)
  const python = await pythonClient(t, broker.tcp, broker.token)
  const failed = await python.job({ call: 'SendMessage', request: { kind: 'KIND_REQUEST', subject: 'nobody' } })
  t.like(failed, { code: 'UNAVAILABLE', details: 'request.no_responders: nobody answers requests on "nobody"', trailers: { 'callboard-code': 'request.no_responders', 'callboard-retryable': 'true' } })
  t.true(Buffer.from((failed['trailers'] as Record<string, string>)['grpc-status-details-bin']!, 'hex').includes('REQUEST_NO_RESPONDERS'))
  t.like(await python.job({ call: 'SendMessage', request: { kind: 'KIND_REQUEST', subject: 'nobody' }, metadata: { authorization: 'Basic x' } }), { code: 'UNAUTHENTICATED' })
  await (await broker.connect()).subscribe('slow').ready
  t.like(await python.job({ call: 'SendMessage', request: { kind: 'KIND_REQUEST', subject: 'slow' }, timeout: 0.2 }), { code: 'DEADLINE_EXCEEDED' })
  t.like(await python.job({ subscribe: { subject: 'a..b' } }), { code: 'INVALID_ARGUMENT', trailers: { 'callboard-code': 'pattern.invalid' } })
})

grpcioTest('grpcio: a client that is killed leaves nothing behind, and its requester is told at once', async t => {
  const broker = await startGrpcBroker(t)
  const sdk = await broker.connect()
  const python = await pythonClient(t, broker.tcp, broker.token)
  await python.job({ subscribe: { subject: 'job' } })
  const asking = t.throwsAsync(sdk.request('job', 'x', { timeoutMs: 60_000 }), { code: 'request.responder_gone' })
  await python.job({ next: true })
  await python.kill()
  await asking
  await until(async () => (await sdk.call('connections')).connections.every(({ transport }) => transport !== 'grpc'))
  t.true((await sdk.call('stats')).balanced)
})

grpcioTest('grpcio: a client that hangs is cut off when it does not answer pings', async t => {
  const isJudged = await withMoreTime(300, async ms => {
    const broker = await startGrpcBroker(t, { config: { ipc: { limits: { heartbeat: `${ms}ms` } } } })
    const sdk = await broker.connect()
    const isThere = async (): Promise<boolean> => (await sdk.call('connections')).connections.some(({ transport }) => transport === 'grpc')
    const python = await pythonClient(t, broker.tcp, broker.token).catch(() => undefined)
    await python?.job({ subscribe: { subject: 'a' } }).catch(() => undefined)
    // It was too slow for these pings while it still ran.
    if (python === undefined || !(await isThere())) return false
    process.kill(python.pid, 'SIGSTOP')
    await until(async () => !(await isThere()))
    return true
  })
  t.true(isJudged)
})
