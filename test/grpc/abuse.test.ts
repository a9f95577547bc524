// What strangers, broken clients and slow readers do to the gRPC port, and what it costs the others: nothing.

import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import { connect as connectHttp2 } from 'node:http2'
import test, { type ExecutionContext } from 'ava'
import type { RegistrationResult } from '../../grpc/messages.ts'
import { closed } from '../support/closed.ts'
import { startGrpcBroker, type GrpcBroker } from '../support/grpc-broker.ts'
import { HealthClient } from '../support/grpc-health.ts'
import { until } from '../support/until.ts'
import { withMoreTime } from '../support/with-more-time.ts'

function open(t: ExecutionContext, { tcp }: GrpcBroker): Socket {
  const socket = connectSocket(Number(tcp.split(':')[1]), '127.0.0.1')
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  return socket
}

test('grpc: garbage on the port ends its own socket and nothing else', async t => {
  const broker = await startGrpcBroker(t)
  const client = broker.grpc()
  await client.call('HealthCheck', {})
  for (const garbage of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '{"type":"hello"}\n', Buffer.alloc(70_000, 0xff), Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.alloc(1000, 0x7f)])]) {
    const socket = open(t, broker)
    socket.write(garbage)
    socket.resume()
    await closed(socket)
  }
  t.is((await client.failure('HealthCheck', {})).code, 'resolved')
  t.is((await (await broker.connect()).call('connections')).connections.filter(({ transport }) => transport === 'grpc').length, 1)
})

test('grpc: who says nothing, or nothing that is accepted, is cut off when the time of the handshake is over', async t => {
  const isJudged = await withMoreTime(300, async ms => {
    const broker = await startGrpcBroker(t, { config: { ipc: { limits: { handshakeTimeout: `${ms}ms` } } } })
    const client = broker.grpc()
    const stream = await client.subscribe({ subject: 'a' }).catch(() => undefined)
    // Its own handshake took too long.
    if (stream === undefined) return false
    // Its one call is the stream of a registration that was made elsewhere.
    const registered = await client.call<RegistrationResult>('RegisterAgent', { name: 'lamp' })
    const elsewhere = await broker.grpc().subscribe({ registrationId: registered.registrationId, subject: 'a' }).catch(() => undefined)
    if (elsewhere === undefined) return false
    const silent = open(t, broker).resume()
    const guesser = connectHttp2(`http://${broker.tcp}`)
    guesser.on('error', () => {})
    const call = guesser.request({ ':method': 'POST', ':path': '/callboard.v1.GatewayService/HealthCheck', 'content-type': 'application/grpc', te: 'trailers', authorization: 'Bearer wrong' })
    call.on('error', () => {})
    call.resume()
    await Promise.all([closed(silent), closed(guesser)])
    await client.call('SendMessage', { subject: 'a' })
    t.is((await stream.next()).subject, 'a')
    t.is((await elsewhere.next()).subject, 'a')
    return true
  })
  t.true(isJudged)
})

test('grpc: nothing of a message is read before its caller is known', async t => {
  const broker = await startGrpcBroker(t, { config: { ipc: { performance: { maxMessageSize: '8mb' } } } })
  const session = connectHttp2(`http://${broker.tcp}`)
  t.teardown(() => session.destroy())
  const call = session.request({ ':method': 'POST', ':path': '/callboard.v1.GatewayService/SendMessage', 'content-type': 'application/grpc', te: 'trailers', authorization: 'Challenge abc' })
  let sent = 0
  const piece = Buffer.alloc(16 * 1024)
  const header = Buffer.from([0, 0, 0x7f, 0xff, 0xff])
  call.on('error', () => {})
  call.write(header)
  const push = (): void => {
    while (sent < 4 * 1024 * 1024 && !call.destroyed && call.write(piece)) sent += piece.length
  }
  call.on('drain', push)
  push()
  const [headers] = (await once(call, 'response')) as [Record<string, string>]
  t.is(headers['grpc-status'], '16')
  t.truthy(headers['callboard-nonce'])
  // HTTP/2's window, and what stands in the buffers of this end.
  t.true(sent <= 256 * 1024, `${sent}`)
})

test('grpc: the health service reads no more than a name, whatever a message may be elsewhere', async t => {
  const broker = await startGrpcBroker(t)
  const health = new HealthClient(t, broker.tcp)
  const long = 'x'.repeat(16 * 1024)
  t.is(await health.check(long), 8)
  t.is(await health.watch(long).next(), 'ended')
  t.is(await health.check(''), 'SERVING')
  t.is(await health.watch('').next(), 'SERVING')
  t.is(await health.watch('nothing').next(), 'SERVICE_UNKNOWN')
})

test('grpc: who guesses tokens is cut off after a few', async t => {
  const broker = await startGrpcBroker(t)
  const session = connectHttp2(`http://${broker.tcp}`)
  session.on('error', () => {})
  t.teardown(() => session.destroy())
  const guess = async (n: number): Promise<string> => {
    const call = session.request({ ':method': 'POST', ':path': '/callboard.v1.GatewayService/HealthCheck', 'content-type': 'application/grpc', te: 'trailers', authorization: `Bearer guess-${n}` })
    call.on('error', () => {})
    call.end(Buffer.from([0, 0, 0, 0, 0]))
    return Promise.race([once(call, 'response').then(([headers]) => String((headers as Record<string, string>)['grpc-status'])), closed(call).then(() => 'closed')]).catch(() => 'closed')
  }
  const answers: string[] = []
  while (!session.destroyed && answers.length < 50) answers.push(await guess(answers.length))
  t.deepEqual(answers.filter(answer => answer !== 'closed'), Array.from({ length: 8 }, () => '16'))
})

test('grpc: a message that is too large is refused, the largest one is not, and neither harms the channel', async t => {
  const broker = await startGrpcBroker(t, { config: { ipc: { performance: { maxMessageSize: '64kb' } } } })
  const client = broker.grpc()
  const stream = await client.subscribe({ subject: 'big' })
  const largest = Buffer.alloc(64 * 1024, 'x')
  t.is((await client.failure('SendMessage', { subject: 'big', payload: largest })).code, 'resolved')
  t.true((await stream.next()).payload!.length === largest.length)
  t.like(await client.failure('SendMessage', { subject: 'big', payload: Buffer.alloc(64 * 1024 + 1) }), { grpc: 8, code: 'frame.too_large' })
  t.is((await client.failure('SendMessage', { subject: 'big', payload: Buffer.alloc(1024 * 1024) })).grpc, 8)
  t.is((await client.failure('SendMessage', { subject: 'big', payload: Buffer.from('ok') })).code, 'resolved')
  t.is(String((await stream.next()).payload), 'ok')
})

test('grpc: a stream that is not read is a slow consumer, alone', async t => {
  const isJudged = await withMoreTime(50, async ms => {
    const broker = await startGrpcBroker(t, { config: { ipc: { limits: { maxPendingBytes: '4mb', stallTimeout: `${ms}ms` }, performance: { maxMessageSize: '64kb' } } } })
    const client = broker.grpc()
    const sdk = await broker.connect()
    const slow = await client.subscribe({ subject: 'flood' }, { 'callboard-program': 'slow' })
    slow.call.pause()
    const good = await client.subscribe({ subject: 'flood' })
    const payload = new Uint8Array(32 * 1024)
    let published = 0
    let read = 0
    let mostPending = 0
    // Once the verdict has fallen it has a second to take its goodbye, and gets nothing else: what is published then says nothing.
    const isThere = async (): Promise<boolean> => {
      const found = (await sdk.call('connections')).connections.find(({ program, phase }) => program === 'slow' && phase === 'run')
      mostPending = Math.max(mostPending, found?.out.pendingBytes ?? 0)
      return found !== undefined
    }
    while (await isThere()) {
      for (let i = 0; i < 16; i++) await sdk.publish('flood', payload, { receipt: true })
      published += 16
      while (read < published) {
        await good.next()
        read++
      }
      if (published > 4000) break
    }
    t.true(published <= 1000, `${published}`)
    t.true(mostPending <= 4 * 1024 * 1024, `${mostPending}`)
    slow.call.resume()
    const ended = await slow.ended
    // The machine was busy for longer than that second.
    if (ended.code === '') return false
    t.like(ended, { grpc: 8, code: 'connection.slow_consumer' })
    t.is((await client.failure('HealthCheck', {})).code, 'resolved')
    await until(async () => (await sdk.call('stats')).pending === 0)
    const stats = await sdk.call('stats')
    t.true(stats.balanced)
    t.true((stats.dropped['slow-consumer'] ?? 0) > 0)
    return true
  })
  t.true(isJudged)
})

test('grpc: a slow stream that drops is told of its gap', async t => {
  const broker = await startGrpcBroker(t, { config: { ipc: { limits: { stallTimeout: 0 } } } })
  const client = broker.grpc()
  const sdk = await broker.connect()
  const stream = await client.subscribe({ subject: 'flood', flow: { overflow: 'drop-oldest', maxPendingBytes: 256 * 1024 } })
  stream.call.pause()
  for (let i = 0; i < 200; i++) await sdk.publish('flood', new Uint8Array(32 * 1024), { receipt: true })
  await sdk.publish('flood', 'last', { receipt: true })
  stream.call.resume()
  let lost = 0
  let got = 0
  for (;;) {
    const event = await stream.next()
    if (event.kind === 'KIND_GAP') lost += event.gap!.count
    else got++
    if (event.payloadType === 'PAYLOAD_TEXT') break
  }
  t.true(lost > 0)
  t.is(lost + got, 201)
})

test('grpc: who feeds a receiver that does not read waits in the call', async t => {
  const broker = await startGrpcBroker(t, { config: { ipc: { limits: { overflow: 'block', maxPendingBytes: '4mb' } } } })
  const client = broker.grpc()
  const stuck = await broker.native()
  await stuck.subscribe(1, 'flood')
  stuck.socket.pause()
  let done = 0
  const payload = Buffer.alloc(64 * 1024)
  const calls = Promise.all(Array.from({ length: 150 }, () => client.call('SendMessage', { subject: 'flood', payload }, { deadlineMs: 90_000 }).then(() => done++)))
  const sdk = await broker.connect()
  await until(async () => (await sdk.call('connections')).connections.some(({ stalled }) => stalled))
  const { connections } = await sdk.call('connections')
  t.true(connections.every(({ out }) => out.pendingBytes <= 5 * 1024 * 1024))
  t.true(done < 150)
  stuck.socket.resume()
  await calls
  t.is(done, 150)
})

test('grpc: connections above the limit of the broker are refused by name', async t => {
  const broker = await startGrpcBroker(t, { config: { ipc: { server: { maxConnections: 3 } } } })
  const client = broker.grpc()
  const streams = [await client.subscribe({ subject: 'a' }), await client.subscribe({ subject: 'a' })]
  await client.call('SendMessage', { subject: 'a' })
  t.like(await client.subscribe({ subject: 'a' }).catch((error: unknown) => error), { grpc: 8, code: 'connection.limit' })
  streams[0]!.cancel()
  await until(() => client.subscribe({ subject: 'a' }).then(() => true, () => false))
  t.is((await streams[1]!.next()).subject, 'a')
})
