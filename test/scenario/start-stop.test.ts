import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import test from 'ava'
import { homePaths } from '../../broker/ground/home.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { createBroker } from '../../index.ts'
import { startBroker, startBrokerProcess } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { nextEvent } from '../support/scripted-client.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const KIB = 1024

test('start and stop: SIGTERM delivers what was accepted, tells everyone, and exits with 0', async t => {
  const broker = await startBrokerProcess(t)
  const [publisher, reader, client] = await Promise.all([broker.native(), broker.native(), broker.connect()])
  await reader.subscribe(1, 'work')
  const disconnected = nextEvent(client, 'disconnected')
  for (let i = 0; i < 100; i++) publisher.publish('work', new Uint8Array(64 * KIB))
  // Accepted is what has its receipt.
  publisher.publish('work', 'last', { flags: Flag.receipt })
  await publisher.nextOf(Kind.receipt)
  const exit = broker.end('SIGTERM')
  for (let i = 0; i < 101; i++) await reader.nextOf(Kind.publish)
  t.is(await reader.ending(), 'connection.draining')
  t.is(await publisher.ending(), 'connection.draining')
  t.is((await disconnected).code, 'connection.draining')
  t.deepEqual(await exit, [0, null])
  t.false(existsSync(broker.socket))
})

test('start and stop: a client that never reads does not hold the end up', async t => {
  const broker = await startBroker(t)
  const [publisher, stuck] = await Promise.all([broker.native(), broker.native()])
  await stuck.subscribe(1, 'work')
  stuck.socket.pause()
  for (let i = 0; i < 40; i++) publisher.publish('work', new Uint8Array(64 * KIB))
  publisher.control(Kind.ping)
  await publisher.nextOf(Kind.pong)
  await broker.broker.stop()
  t.deepEqual(await broker.broker.exited, { kind: 'shutdown' })
})

test('start and stop: the method stop ends the broker after its answer; only an admin may', async t => {
  const broker = await startBroker(t, { config: { principals: [{ name: 'guest', token: 'a-token-for-guests' }] } })
  const guest = await broker.connect({ principal: 'guest', token: 'a-token-for-guests' })
  t.is(await errorCode(guest.call('stop')), 'permission.denied')
  const owner = await broker.connect()
  t.is((await owner.call('stop')).pid, process.pid)
  t.is((await broker.broker.exited).kind, 'shutdown')
  t.is((await owner.closed)?.code, 'connection.draining')
})

test('start and stop: nobody new is let in while it ends', async t => {
  const broker = await startBroker(t)
  const ending = broker.broker.stop()
  t.true(['connect.no_socket', 'connect.refused', 'connection.draining', 'connection.lost'].includes(await errorCode(broker.connect())))
  await ending
})

test('start and stop: two homes are two brokers, one home is one', async t => {
  const [first, second] = await Promise.all([startBroker(t), startBroker(t)])
  t.not(first.token, second.token)
  t.is(await errorCode(createBroker({ home: first.home, log: recordedLog() })), 'broker.held')
  t.is((await (await first.connect()).call('status')).home, first.home)
})

test('start and stop: a stale socket of a killed broker is replaced', async t => {
  const first = await startBrokerProcess(t)
  await first.end('SIGKILL')
  t.true(existsSync(first.socket))
  const second = await startBroker(t, { home: first.home })
  t.is((await (await second.connect()).call('status')).pid, process.pid)
  t.is(second.token, first.token)
})

test('start and stop: with a full disk under its log the broker goes on, and says so once', async t => {
  const home = temporaryDirectory(t)
  const paths = homePaths(home)
  mkdirSync(paths.logs, { mode: 0o700 })
  symlinkSync('/dev/full', paths.log)
  const broker = await startBrokerProcess(t, { home })
  let complaints = ''
  broker.callboard.process.stderr!.on('data', chunk => (complaints += String(chunk)))
  const client = await broker.connect()
  // Each is a line in the log that cannot be written.
  for (let i = 0; i < 200; i++) {
    const stranger = await broker.openNative()
    stranger.write(Buffer.from('?'))
    await stranger.closed
  }
  t.deepEqual(await client.publish('still.here', 1, { receipt: true }), { receivers: 0 })
  const closed = once(broker.callboard.process.stderr!, 'close')
  t.deepEqual(await broker.end('SIGTERM'), [0, null])
  await closed
  t.is(complaints.match(/the log cannot be written/g)?.length ?? 0, 1, complaints)
})

test('start and stop: what happened stands in the log', async t => {
  const broker = await startBrokerProcess(t)
  const client = await broker.connect({ clientId: 'someone' })
  await client.call('connection.kill', { id: 'someone' }).catch(() => {})
  await broker.end('SIGTERM')
  const lines = readFileSync(homePaths(broker.home).log, 'utf8').trim().split('\n').map(line => JSON.parse(line) as { msg: string; code?: string; level: string })
  t.true(lines.some(({ msg }) => msg === 'started'))
  t.true(lines.some(({ code }) => code === 'connection.killed'))
  t.is(lines.at(-1)?.msg, 'ended')
  t.false(readFileSync(homePaths(broker.home).log, 'utf8').includes(broker.token))
})
