// The NATS port as an operator meets it: where it listens, and what becomes of a port that is taken.

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import test from 'ava'
import { defaultSettings } from '../../broker/ground/settings.ts'
import { createBroker } from '../../index.ts'
import { startBroker } from '../support/broker.ts'
import { startCallboard } from '../support/callboard.ts'
import { connectNats } from '../support/nats-client.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { runCallboard } from '../support/run-callboard.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

/** A port that another program has. */
async function takenPort(t: { teardown(done: () => void): void }): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const withPort = (port: number): typeof defaultSettings => ({ ...defaultSettings, gateway: { ...defaultSettings.gateway, port: 0 }, nats: { ...defaultSettings.nats, port } })

test('nats port: start, status and tree say where it is', async t => {
  const callboard = await startCallboard(t)
  t.regex(callboard.started.nats ?? '', /^nats:\/\/127\.0\.0\.1:\d+$/)
  const [status] = (await callboard.json('status')) as { nats?: string }[]
  t.is(status?.nats, callboard.started.nats)
  t.regex((await callboard.run('status')).stdout, new RegExp(`^nats +${callboard.started.nats}$`, 'm'))
  t.regex((await callboard.run('tree')).stdout, new RegExp(`listener\\.nats +run .*${callboard.started.nats}`))
})

test('nats port: one that was asked for and is taken ends the start', async t => {
  const port = await takenPort(t)
  const { exit, stderr } = await runCallboard(t, ['start'], { home: temporaryDirectory(t), env: { CALLBOARD_NATS_PORT: String(port) } })
  t.is(exit, 1)
  t.regex(stderr, new RegExp(`cannot listen at 127\\.0\\.0\\.1:${port}: another program listens there \\(listener\\.failed\\)`))
})

test('nats port: where another program has the default one, the broker runs without, and doctor says so', async t => {
  const home = temporaryDirectory(t)
  const port = await takenPort(t)
  const broker = await createBroker({ home, settings: withPort(port) })
  t.teardown(() => broker.stop())
  t.is(broker.natsAddress, undefined)
  t.regex(broker.natsProblem ?? '', /another program listens there/)
  const { exit, stdout } = await runCallboard(t, ['doctor'], { home })
  t.is(exit, 0)
  t.regex(stdout, new RegExp(`^warn +nats +listener\\.failed: cannot listen at 127\\.0\\.0\\.1:${port}: another program listens there`, 'm'))
})

test('nats port: two brokers of one host with the same settings both run, one of them with the port', async t => {
  const { natsPort: port } = await startBroker(t)
  const other = await createBroker({ home: temporaryDirectory(t), settings: withPort(port) })
  t.teardown(() => other.stop())
  t.is(other.natsAddress, undefined)
  t.regex(other.natsProblem ?? '', new RegExp(`127\\.0\\.0\\.1:${port}`))
  t.is(other.tree().phase, 'run')
})

test('nats port: an address that this machine does not have ends the start', async t => {
  const settings = { ...defaultSettings, gateway: { ...defaultSettings.gateway, port: 0 }, nats: { ...defaultSettings.nats, port: 0, host: '192.0.2.1' } }
  // RFC 5737: for documentation, nobody's.
  const error = await t.throwsAsync(createBroker({ home: temporaryDirectory(t), settings }), { code: 'listener.failed' })
  t.regex(error.message, /192\.0\.2\.1.*this machine does not have that address; set nats\.host/)
})

test('nats port: what is no port is refused by name', async t => {
  const { exit, stderr } = await runCallboard(t, ['start'], { home: temporaryDirectory(t), env: { CALLBOARD_NATS_PORT: '70000' } })
  t.is(exit, 2)
  t.regex(stderr, /CALLBOARD_NATS_PORT: is "70000"; allowed: a port from 0 to 65535/)
})

test('nats port: turned off, nothing listens', async t => {
  const settings = { ...defaultSettings, gateway: { ...defaultSettings.gateway, port: 0 }, nats: { ...defaultSettings.nats, enabled: false } }
  const broker = await createBroker({ home: temporaryDirectory(t), settings })
  t.teardown(() => broker.stop())
  t.is(broker.natsAddress, undefined)
  t.is(broker.natsProblem, undefined)
  t.notRegex(JSON.stringify(broker.tree()), /listener\.nats/)
})

test('nats port: who has not authenticated is limited as on the gateway, and who has is not counted there', async t => {
  const broker = await startBroker(t, { config: { gateway: { port: 0, limits: { maxUnauthenticated: 2 } }, nats: { port: 0, authTimeout: '1m' } } })
  const token = { token: broker.token }
  for (let i = 0; i < 3; i++) await connectNats(t, broker.nats, token)
  const dial = (): Socket => {
    const socket = connect(broker.natsPort, '127.0.0.1')
    t.teardown(() => socket.destroy())
    return socket
  }
  const silent = [dial(), dial()]
  for (const socket of silent) t.regex(String((await once(socket, 'data'))[0]), /^INFO /)
  t.regex(await text(dial()), /^INFO .*\r\n-ERR 'maximum connections exceeded'\r\n$/)
  silent[0]!.destroy()
  // Until the broker has seen that.
  await until(async () => (await connectNats(t, broker.nats, token).then(() => 'in', String)) === 'in')
})

test('nats port: clients come back to a broker that was started again', async t => {
  const broker = await startBroker(t, { config: { nats: { port: await reservedPort(t) } } })
  const client = await connectNats(t, broker.nats, { token: broker.token, reconnect: true, reconnectTimeWait: 5, maxReconnectAttempts: -1 })
  const isBack = (async () => {
    for await (const { type } of client.status()) if (type === 'reconnect') return
  })()
  await broker.broker.stop()
  const again = await startBroker(t, { home: broker.home })
  await isBack
  await client.flush()
  t.is((await (await again.connect()).call('connections')).connections.filter(({ dialect }) => dialect === 'nats').length, 1)
})

test('nats port: a program that speaks HTTP, and one that sends garbage, are told and ended, and others go on', async t => {
  const broker = await startBroker(t)
  const client = await connectNats(t, broker.nats, { token: broker.token })
  for (const bytes of ['GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', Buffer.alloc(100_000, 0xee), Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 0x0d, 0x0a])]) {
    const socket = connect(broker.natsPort, '127.0.0.1')
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    socket.write(bytes)
    await new Promise(resolve => void socket.once('close', resolve).resume())
  }
  await client.flush()
  t.pass()
})
