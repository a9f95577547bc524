import { createHmac } from 'node:crypto'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import test from 'ava'
import { decode } from '@msgpack/msgpack'
import { homePaths } from '../../broker/ground/home.ts'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { startBroker, startBrokerProcess, type BrokerAccess } from '../support/broker.ts'
import { take } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import type { NativePeer } from '../support/native-peer.ts'
import { runClientScript } from '../support/client-script.ts'

const CLIENT_NONCE = 'a-nonce-of-the-client'

/** Hello with a nonce; gives the broker's. */
async function askChallenge(peer: NativePeer): Promise<string> {
  peer.control(Kind.hello, { auth: { nonce: CLIENT_NONCE } })
  const { nonce, ttlMs } = decode((await peer.nextOf(Kind.challenge)).payload) as { nonce: string; ttlMs: number }
  if (ttlMs <= 0) throw new Error('a challenge must last')
  return nonce
}

function proof(broker: BrokerAccess, nonce: string, label = 'callboard-proof-v1'): string {
  return createHmac('sha256', broker.token).update(`${label}\n${nonce}\n${CLIENT_NONCE}\nowner`).digest('hex')
}

test('authentication: without a credential, or with a wrong one, nobody gets in', async t => {
  const broker = await startBroker(t)
  const bodies: [object, string][] = [
    [{}, 'auth.required'],
    [{ auth: {} }, 'auth.required'],
    [{ auth: { token: 'wrong' } }, 'auth.failed'],
    [{ auth: { token: `${broker.token}x` } }, 'auth.failed'],
    [{ principal: 'nobody', auth: { token: broker.token } }, 'auth.failed'],
  ]
  for (const [body, code] of bodies) {
    const peer = await broker.openNative()
    peer.control(Kind.hello, body)
    t.is(await peer.ending(), code, JSON.stringify(body))
    const script = await broker.openJson()
    script.say({ type: 'hello', payload: body })
    t.is(await script.ending(), code, JSON.stringify(body))
  }
  for (const auth of ['token', 'challenge'] as const) t.is(await errorCode(broker.connect({ token: 'wrong', auth })), 'auth.failed')
})

test('authentication: a challenge is answered once, by its own connection', async t => {
  const broker = await startBroker(t)
  const first = await broker.openNative()
  const nonce = await askChallenge(first)
  first.control(Kind.proof, { mac: proof(broker, nonce) })
  const welcome = decode((await first.nextOf(Kind.welcome)).payload) as { mac: string }
  t.is(welcome.mac, proof(broker, nonce, 'callboard-welcome-v1'))
  // What was overheard serves nobody: neither for that challenge nor for one of its own.
  const replaying = await broker.openNative()
  await askChallenge(replaying)
  replaying.control(Kind.proof, { nonce, mac: proof(broker, nonce) })
  t.is(await replaying.ending(), 'auth.replayed')
  const borrowing = await broker.openNative()
  await askChallenge(borrowing)
  borrowing.control(Kind.proof, { mac: proof(broker, nonce) })
  t.is(await borrowing.ending(), 'auth.failed')
  const stealing = await broker.openNative()
  const open = await askChallenge(await broker.openNative())
  await askChallenge(stealing)
  stealing.control(Kind.proof, { nonce: open, mac: proof(broker, open) })
  t.is(await stealing.ending(), 'auth.failed')
  for (const mac of ['00', 'zz'.repeat(32), '0'.repeat(64)]) {
    const guessing = await broker.openNative()
    await askChallenge(guessing)
    guessing.control(Kind.proof, { mac })
    t.is(await guessing.ending(), 'auth.failed', mac)
  }
})

test('authentication: the SDK proves the token without sending it, and learns that the broker has it', async t => {
  const broker = await startBroker(t)
  const client = await broker.connect({ auth: 'challenge' })
  t.is(client.welcome.principal, 'owner')
  t.is(client.welcome.mac?.length, 64)
})

test('authentication: where none is required, a client without a token is the owner', async t => {
  const broker = await startBroker(t, { config: { ipc: { security: { requireAuth: false } } } })
  const peer = await broker.openNative()
  peer.control(Kind.hello, {})
  t.like(decode((await peer.nextOf(Kind.welcome)).payload), { principal: 'owner' })
  // Who presents a credential is still held to it.
  const wrong = await broker.openNative()
  wrong.control(Kind.hello, { auth: { token: 'wrong' } })
  t.is(await wrong.ending(), 'auth.failed')
})

test('authentication: token, socket and home are closed to others', async t => {
  const broker = await startBrokerProcess(t)
  const paths = homePaths(broker.home)
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)
  t.deepEqual([mode(paths.token), mode(paths.socket), mode(dirname(paths.socket)), mode(paths.logs)], ['600', '600', '700', '700'])
})

test('authentication: with validateSignature the SDK signs; unsigned and tampered messages are refused by name', async t => {
  const broker = await startBroker(t, { config: { ipc: { security: { validateSignature: true } } } })
  const [client, other] = await Promise.all([broker.connect(), broker.connect()])
  const all = other.subscribe('signed.>')
  const answering = other.subscribe<number>('answer', { onMessage: async message => {
    await message.part(1)
    await message.respond(message.value + 1)
  } })
  await Promise.all([all.ready, answering.ready])
  t.true(client.welcome.signature)
  t.deepEqual(await client.publish('signed.plain', 'x', { receipt: true }), { receivers: 1 })
  t.deepEqual(await client.publish('signed.headers', 'y', { receipt: true, headers: { a: 'b' }, mid: 'm' }), { receivers: 1 })
  const parts: unknown[] = []
  for await (const { value } of client.stream('answer', 41)) parts.push(value)
  t.deepEqual(parts, [1, 42])
  const [plain, withHeaders] = await take(all, 2)
  t.deepEqual([plain!.value, withHeaders!.value, withHeaders!.headers?.['a']], ['x', 'y', 'b'])

  const peer = await broker.native()
  peer.publish('signed.raw', 1)
  t.is((await peer.nextError()).code, 'auth.signature_missing')
  peer.publish('signed.raw', 1, { headers: { a: 1 } })
  t.is((await peer.nextError()).code, 'auth.signature_missing')
  const sign = (subject: string, id: number): Uint8Array => {
    const frame = { kind: Kind.publish, id, flags: Flag.signed, subject, payload: Buffer.from('payload') }
    const bytes = encodeFrame({ ...frame, headers: { sig: new Uint8Array(32) } })
    // Kind, flags, id, then from the subject's length to the end, without the header itself.
    const at = Buffer.from(bytes).indexOf(Buffer.from([0xa3, 0x73, 0x69, 0x67, 0xc4, 0x20]))
    const mac = createHmac('sha256', broker.token).update(bytes.subarray(6, 7)).update(bytes.subarray(8, 10)).update(bytes.subarray(16, 24)).update(bytes.subarray(34, at)).update(bytes.subarray(at + 38)).digest()
    bytes.set(mac, at + 6)
    return bytes
  }
  peer.write(sign('signed.good', 100))
  t.deepEqual((await take(all, 1)).map(({ subject }) => subject), ['signed.good'])
  const tampered = Buffer.from(sign('signed.good', 101))
  tampered[tampered.length - 1]! ^= 1
  peer.write(tampered)
  t.is((await peer.nextError()).code, 'auth.signature_invalid')
  const repeated = Buffer.from(sign('signed.good', 102))
  peer.write(repeated)
  peer.write(repeated)
  t.is((await peer.nextError()).code, 'frame.id_order')
  t.is((await take(all, 1)).length, 1)
  t.is(all.unread, 0)
})

test('authentication: a script signs its lines', async t => {
  const broker = await startBroker(t, { config: { ipc: { security: { validateSignature: true } } } })
  const [client, script] = await Promise.all([broker.connect(), broker.json()])
  const all = client.subscribe('command')
  await all.ready
  const line = '{"id":"a","type":"event","channel":"command","payload":1'
  script.write(`${line}}\n`)
  t.like(await script.nextOf('error'), { ref: 'a', payload: { code: 'auth.signature_missing' } })
  const sig = createHmac('sha256', broker.token).update(line).digest('hex')
  script.write(`${line.replace('"payload":1', '"payload":2')},"sig":"${sig}"}\n`)
  t.like(await script.nextOf('error'), { ref: 'a', payload: { code: 'auth.signature_invalid' } })
  script.write(`${line},"sig":"${sig}"}\n`)
  t.deepEqual((await take(all, 1)).map(({ value }) => value), [1])
})

test('authentication: only processes that the config names get in', async t => {
  const allowed = { allowedProcesses: ['tester'], processes: { tester: { executable: process.execPath, script: runClientScript.path } } }
  const broker = await startBrokerProcess(t, { config: { ipc: { security: allowed } } })
  t.deepEqual(await runClientScript(t, broker.home), { welcome: 'owner' })
  // The same program with another script: this test.
  t.is(await errorCode(broker.connect()), 'auth.process_not_allowed')
  const peer = await broker.openNative()
  peer.control(Kind.hello, { auth: { token: broker.token } })
  t.is(await peer.ending(), 'auth.process_not_allowed')
})

test('authentication: the connection above the limit is told so, and has room when another leaves', async t => {
  const broker = await startBroker(t, { config: { ipc: { server: { maxConnections: 50 } } } })
  const clients = await Promise.all(Array.from({ length: 50 }, () => broker.connect()))
  t.is(await errorCode(broker.connect()), 'connection.limit')
  const script = await broker.openJson()
  script.say({ type: 'hello', payload: { token: broker.token } })
  t.is(await script.ending(), 'connection.limit')
  await clients[0]!.close()
  await t.notThrowsAsync(broker.connect())
})
