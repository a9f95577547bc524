// Large messages in memory beside the Unix socket: who gets them how, and what is left when somebody dies.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { encodeLent } from '../../broker/wire/lent.ts'
import type { Client } from '../../client/index.ts'
import { startBroker, startBrokerProcess, type BrokerAccess } from '../support/broker.ts'
import { take } from '../support/collect.ts'
import { sameBytes } from '../support/same-bytes.ts'
import { until } from '../support/until.ts'

const KIB = 1024
const LARGE = 400 * KIB
/** Kills; `npm run torture` has more of them. */
const KILLS = Number(process.env['CALLBOARD_TORTURE_KILLS'] ?? 6)
const party = join(import.meta.dirname, '../support/memory-party.ts')

/** What a client of the broker was offered. */
const directoryOf = (client: Client): string => client.welcome.sharedMemory?.directory ?? ''
/** Of the broker's own segments, those that were used: they have bytes until they have been idle for some seconds. */
const segmentsIn = (directory: string): string[] => readdirSync(directory).filter(name => name.startsWith('s'))
const clientsIn = (directory: string): string[] => readdirSync(directory).filter(name => name.startsWith('c'))

function large(seed: number, bytes = LARGE): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * (seed + 1)) >> 3)
}

test('shared memory: large messages reach every receiver whole, in order with small ones, and not by the socket alone', async t => {
  const broker = await startBroker(t)
  const [sender, ...receivers] = await Promise.all(['s', 'a', 'b', 'c'].map(clientId => broker.connect({ clientId })))
  const directory = directoryOf(sender!)
  const got = receivers.map(receiver => receiver.subscribe('x'))
  await Promise.all(got.map(({ ready }) => ready))
  for (let i = 0; i < 30; i++) await sender!.publish('x', i % 3 === 0 ? large(i) : { i })
  for (const subscription of got) {
    for (const [i, message] of (await take(subscription, 30)).entries()) {
      if (i % 3 === 0) sameBytes(t, message.payload, large(i))
      else t.deepEqual(message.value, { i })
    }
  }
  t.true(segmentsIn(directory).length > 0, 'the broker lent')
  t.true(clientsIn(directory).some(name => readdirSync(join(directory, name)).length > 0), 'the sender lent')
  const { connections } = (await sender!.request('$CB.api.connections', {})).value as { connections: readonly { readonly transport: string }[] }
  t.deepEqual(connections.map(({ transport }) => transport), ['unix', 'unix', 'unix', 'unix'])
  await broker.broker.stop()
  t.false(existsSync(directory))
})

test('shared memory: requests and their answers pass in it too', async t => {
  const broker = await startBroker(t)
  const [requester, responder] = [await broker.connect(), await broker.connect()]
  await responder.subscribe('echo', { onMessage: message => message.respond(message.payload) }).ready
  const answer = await requester.request('echo', large(7))
  sameBytes(t, answer.payload, large(7))
  t.true(segmentsIn(directoryOf(requester)).length > 0)
})

test('shared memory: who cannot have it gets the same by the socket', async t => {
  const broker = await startBroker(t)
  const [sender, plain] = [await broker.connect(), await broker.connect({ sharedMemory: false })]
  const webSocket = await broker.connect({ url: broker.gateway, token: broker.token })
  t.is(plain.welcome.sharedMemory, undefined)
  t.is(webSocket.welcome.sharedMemory, undefined)
  const got = [plain, webSocket].map(client => client.subscribe('x'))
  await Promise.all(got.map(({ ready }) => ready))
  await sender.publish('x', large(5))
  for (const subscription of got) sameBytes(t, (await take(subscription, 1))[0]!.payload, large(5))
})

test('shared memory: the configuration switches it off, and says from which size on it is used and how much it takes', async t => {
  const off = await startBroker(t, { config: { sharedMemory: false } })
  t.is((await off.connect()).welcome.sharedMemory, undefined)

  const late = await startBroker(t, { config: { sharedMemory: { threshold: '1mb' } } })
  const client = await late.connect()
  const got = client.subscribe('x')
  await got.ready
  await client.publish('x', large(3))
  await take(got, 1)
  t.deepEqual(segmentsIn(directoryOf(client)), [])

  // A receiver that gives nothing back holds a quarter of the limit, and gets the rest by the socket.
  const tight = await startBroker(t, { config: { sharedMemory: { limit: '16mb' }, ipc: { performance: { maxMessageSize: '3mb' }, limits: { maxPendingBytes: '64mb' } } } })
  const keeper = await tight.native({ sharedMemory: true })
  await keeper.subscribe(1, 'x')
  keeper.write(encodeFrame({ kind: Kind.returned }))
  const sender = await tight.connect()
  for (let i = 0; i < 3; i++) await sender.publish('x', large(i, 3 * KIB * KIB - 100), { receipt: true })
  t.is((await keeper.next()).kind, Kind.lent)
  t.is((await keeper.next()).kind, Kind.publish)
  t.is((await keeper.next()).kind, Kind.publish)
})

test('shared memory: who was not offered any, or names a segment that is not there, is cut off', async t => {
  const broker = await startBroker(t)
  for (const hello of [{}, { sharedMemory: true }]) {
    const peer = await broker.native(hello)
    peer.socket.write(encodeLent(12_345, 500_000))
    t.is(await peer.ending(), 'memory.unreadable')
  }
})

test('shared memory: what is signed and queued is what was sent', async t => {
  const broker = await startBroker(t, { config: { ipc: { security: { validateSignature: true } }, channels: [{ name: 'jobs', mode: 'queue' }] } })
  const client = await broker.connect({ sessionTtlMs: 60_000 })
  await client.publish('jobs', large(9), { receipt: true })
  const consumer = client.consume('jobs')
  for await (const message of consumer) {
    sameBytes(t, message.payload, large(9))
    await message.ack()
    break
  }
})

test(`shared memory: of ${KILLS} senders and receivers that are killed nothing is left, and nobody sees half a message`, async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { maxPendingBytes: '256mb' } } } })
  const watcher = await broker.connect()
  let torn = 0
  let whole = 0
  await watcher.subscribe('large', {
    onMessage: ({ payload }) => {
      if (payload.length === LARGE && payload.every(byte => byte === payload[0])) whole++
      else torn++
    },
  }).ready
  const running: ChildProcess[] = []
  for (let i = 0; i < KILLS; i++) {
    running.push(await startParty(t, broker))
    // At any point of what it does.
    await sleep(Math.random() * 50)
    if (running.length > 2) await end(running.shift()!)
  }
  for (const child of running) await end(child)
  t.is(torn, 0)
  t.true(whole > KILLS)
  const { balanced } = (await watcher.request('$CB.api.stats', {})).value as { balanced: boolean }
  t.true(balanced, 'every delivery has a fate')
  const directory = directoryOf(watcher)
  await until(() => clientsIn(directory).length === 1, () => clientsIn(directory))
  // All loans have ended: what nobody uses is given back to the system.
  await until(() => segmentsIn(directory).every(name => statSync(join(directory, name)).size === 0), () => segmentsIn(directory))
})

test('shared memory: what a killed broker left is removed by the next one, and clients go on', async t => {
  const first = await startBrokerProcess(t)
  const client = await first.connect({ retry: { maxRetries: Infinity } })
  const directory = directoryOf(client)
  const before = client.subscribe('x')
  await before.ready
  await client.publish('x', large(1))
  await take(before, 1)
  t.true(segmentsIn(directory).length > 0)
  // From now on any broker that starts removes it, also one of another test.
  await first.end('SIGKILL')
  const second = await startBrokerProcess(t, { home: first.home })
  t.false(existsSync(directory))
  await until(() => client.welcome.sharedMemory?.directory !== directory)
  const after = client.subscribe('y')
  await after.ready
  await client.publish('y', large(2))
  sameBytes(t, (await take(after, 1))[0]!.payload, large(2))
  t.true(segmentsIn(directoryOf(client)).length > 0)
  await second.end('SIGTERM')
  t.false(existsSync(directoryOf(client)))
})

/** One that has sent and got something. */
async function startParty(t: ExecutionContext, { home }: BrokerAccess): Promise<ChildProcess> {
  const child = spawn(process.execPath, [party, home, String(LARGE)], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  child.stdout.on('data', (words: Buffer) => {
    if (words.toString().includes('torn')) t.fail('a receiver saw half a message')
  })
  await once(child.stdout, 'data')
  return child
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
