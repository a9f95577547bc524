import { createServer, type AddressInfo } from 'node:net'
import test from 'ava'
import fc from 'fast-check'
import { BrokerError, errorTable, type ErrorCode } from '../../broker/ground/errors.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { connect, type Client, type ConnectOptions } from '../../client/index.ts'
import { closeProblem } from '../../client/websocket-link.ts'
import { values } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { ScriptedBroker, TOKEN, type ScriptedConnection } from '../support/scripted-broker.ts'
import { nextEvent } from '../support/scripted-client.ts'
import { until } from '../support/until.ts'
import { WebSocketBridge, type BridgeOptions } from '../support/websocket-bridge.ts'
import type { Teardown } from '../support/temporary-directory.ts'

interface Bridged {
  readonly bridge: WebSocketBridge
  readonly broker: ScriptedBroker
  readonly client: Client
  readonly peer: ScriptedConnection
}

async function bridged(t: Teardown, options: ConnectOptions = {}, bridgeOptions: BridgeOptions = {}): Promise<Bridged> {
  const broker = await ScriptedBroker.start(t)
  const bridge = await WebSocketBridge.start(t, broker.socket, bridgeOptions)
  const [client, peer] = await Promise.all([connect({ url: bridge.url, token: TOKEN, ...options }), broker.welcome()])
  t.teardown(() => client.destroy())
  return { bridge, broker, client, peer }
}

test('websocket-link: the handshake and messages pass, text messages are passed over', async t => {
  const { client, peer } = await bridged(t, {}, { greeting: '{"type":"event","event":"connect.challenge"}' })
  const news = client.subscribe<number>('news')
  peer.ok(await peer.nextOf(Kind.subscribe))
  const answer = client.request<number>('ask', 1)
  const request = await peer.nextOf(Kind.request)
  for (let i = 0; i < 5; i++) peer.publish('news', i)
  peer.answer(request, 42)
  t.is((await answer).value, 42)
  t.deepEqual(await values(news, 5), [0, 1, 2, 3, 4])
})

test('websocket-link: a message holds whole frames, whatever their sizes', async t => {
  const { bridge, client, peer } = await bridged(t)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 30_000, max: 200_000 })), { minLength: 1, maxLength: 30 }), async sizes => {
      for (const size of sizes) client.publish('x', new Uint8Array(size)).catch(() => {})
      for (const size of sizes) t.is((await peer.nextOf(Kind.publish)).payload.length, size)
    }),
    { numRuns: 20 },
  )
  t.false(bridge.framesPerMessage.some(count => Number.isNaN(count)))
  t.true(bridge.framesPerMessage.some(count => count > 1), 'frames of one turn share a message')
})

test('websocket-link: the close code tells why, where no goodbye did', async t => {
  const { bridge, client } = await bridged(t)
  ;(await bridge.accept()).close(4041, 'session.taken_over')
  t.is((await client.closed)?.code, 'session.taken_over')
})

test('websocket-link: every error of the table comes back from its close code', t => {
  for (const [code, { close, retryable }] of Object.entries(errorTable)) {
    const problem = closeProblem({ code: 4000 + close, reason: code })
    t.true(problem instanceof BrokerError && problem.code === (code as ErrorCode) && problem.retryable === retryable, code)
    t.regex(problem?.message ?? '', new RegExp(`^${code}: .*${4000 + close}`))
  }
  t.is(closeProblem({ code: 1000, reason: '' }), undefined)
  t.is(closeProblem({ code: 1006, reason: '' }), undefined)
  t.regex(closeProblem({ code: 1009, reason: 'too big' })?.message ?? '', /1009 \(too big\)/)
})

test('websocket-link: an end without reason is a lost connection, and the client comes back', async t => {
  const { bridge, broker, client } = await bridged(t)
  const [disconnected, reconnected] = [nextEvent(client, 'disconnected'), nextEvent(client, 'reconnected')]
  ;(await bridge.accept()).terminate()
  t.is((await disconnected).code, 'connection.lost')
  await broker.welcome()
  await reconnected
  t.true(client.isConnected)
})

test('websocket-link: what cannot be reached is said by name', async t => {
  const refusing = await WebSocketBridge.start(t, '/nowhere', { refuses: 403 })
  const port = await reservedPort(t)
  for (const url of [refusing.url, `ws://127.0.0.1:${port}`, 'ws://[not-an-address']) {
    const error = await t.throwsAsync(connect({ url, token: TOKEN }), { instanceOf: BrokerError })
    t.is(error.code, 'connect.websocket')
    t.true(error.message.includes(url))
  }
})

test('websocket-link: connecting can be aborted', async t => {
  // Accepts, and never answers the upgrade.
  const silent = createServer(socket => t.teardown(() => socket.destroy())).listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await new Promise(resolve => silent.once('listening', resolve))
  const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`
  t.is(await errorCode(connect({ url, token: TOKEN, connectTimeoutMs: 50 })), 'connect.timeout')
  const controller = new AbortController()
  const attempt = errorCode(connect({ url, token: TOKEN, signal: controller.signal }))
  controller.abort()
  t.is(await attempt, 'client.aborted')
})

test('websocket-link: what comes while the client does not read waits in order, and the end behind it', async t => {
  const { client, peer } = await bridged(t, { retry: false })
  const slow = client.subscribe<number>('slow', { bufferLimit: 2 })
  peer.ok(await peer.nextOf(Kind.subscribe))
  for (let i = 0; i < 100; i++) peer.publish('slow', i)
  await until(() => slow.unread > 2)
  peer.goodbye('connection.killed')
  t.deepEqual(await values(slow, 100), Array.from({ length: 100 }, (_, i) => i))
  t.is((await client.closed)?.code, 'connection.killed')
})

test('websocket-link: a client that never reads is ended at a bound, by name', async t => {
  const { client, peer } = await bridged(t, { retry: false })
  client.subscribe('flood', { bufferLimit: 1 })
  peer.ok(await peer.nextOf(Kind.subscribe))
  const payload = new Uint8Array(1024 * 1024)
  for (let i = 0; i < 20; i++) peer.publish('flood', payload)
  t.is((await client.closed)?.code, 'client.unread_full')
})

test('websocket-link: publish waits while the other end does not read, and goes on when it does', async t => {
  const { bridge, client, peer } = await bridged(t)
  const far = await bridge.accept()
  far.pause()
  const payload = new Uint8Array(256 * 1024)
  let sent = 0
  let isWaiting = false
  const publishing = (async () => {
    for (; sent < 64; sent++) {
      isWaiting = true
      await client.publish('x', payload)
      isWaiting = false
    }
  })()
  // The kernel takes some megabytes, then the promise stays open from one look to the next.
  let before = -1
  await until(() => {
    const isStill = isWaiting && sent === before && sent > 4
    before = sent
    return isStill
  })
  t.true(sent < 64)
  far.resume()
  for (let i = 0; i < 64; i++) t.is((await peer.nextOf(Kind.publish)).payload.length, payload.length)
  await publishing
})

test('websocket-link: close() lets what was sent leave', async t => {
  const { client, peer } = await bridged(t)
  for (let i = 0; i < 50; i++) client.publish('x', new Uint8Array(10_000)).catch(() => {})
  await client.close()
  for (let i = 0; i < 50; i++) t.is((await peer.next()).kind, Kind.publish)
  t.is((await peer.next()).kind, Kind.goodbye)
})
