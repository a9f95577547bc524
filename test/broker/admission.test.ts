import test from 'ava'
import { createHmac } from 'node:crypto'
import { BrokerError } from '../../broker/ground/errors.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { codeOf, type NativeClient } from '../support/memory-client.ts'
import { OWNER_TOKEN, PipelineRig, type HelloFields } from '../support/pipeline.ts'

function hmac(text: string, key = OWNER_TOKEN): string {
  return createHmac('sha256', key).update(text).digest('hex')
}

/** Says hello with a nonce; returns the broker's. */
function askChallenge(client: NativeClient, hello: HelloFields = {}): string {
  client.control(Kind.hello, 0, { auth: { nonce: 'mine' }, ...hello })
  const [challenge] = client.frames()
  return (challenge!.body as { nonce: string }).nonce
}

/** The code of the goodbye that a hello is answered with, or `welcome`. */
function greet(rig: PipelineRig, hello: HelloFields, peer: object = {}): string {
  const client = rig.link(peer)
  client.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, ...hello })
  const [answer] = client.frames()
  return answer!.kind === Kind.welcome ? 'welcome' : codeOf(answer!)
}

test('admission: the welcome says who is who, and what the limits are', t => {
  const rig = new PipelineRig()
  const client = rig.link()
  const id = client.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, client: 'me', heartbeatMs: 5000 })
  const [welcome] = client.frames()
  t.is(welcome!.ref, id)
  t.like(welcome!.body, { protocol: 1, broker: 'testhome', incarnation: 1, origin: client.connection.number, client: 'me', principal: 'owner', heartbeatMs: 30_000, signature: false })
  const { session, limits } = welcome!.body as { session: string; limits: object }
  t.regex(session, /^[0-9a-f]{32}$/)
  t.deepEqual(limits, { maxFrameBytes: 1_048_576 + 16_384, maxSubscriptions: 10_000, maxOpenRequests: 10_000, requestTimeoutMs: 5000, creditBytes: 1_048_576 })
  t.deepEqual(rig.events, [[1, 'accepted'], [1, 'authenticated']])
})

test('admission: both sides prove that they know the token', t => {
  const rig = new PipelineRig()
  const client = rig.link()
  const nonce = askChallenge(client)
  client.control(Kind.proof, 0, { mac: hmac(`callboard-proof-v1\n${nonce}\nmine\nowner`) })
  const [welcome] = client.frames()
  t.is(welcome!.kind, Kind.welcome)
  t.is((welcome!.body as { mac: string }).mac, hmac(`callboard-welcome-v1\n${nonce}\nmine\nowner`))
})

test('admission: a wrong proof, a replayed one and a late one are told apart', async t => {
  const rig = new PipelineRig({ ipc: { limits: { handshakeMs: 60_000 } } })
  const [wrong, late] = [rig.link(), rig.link()]
  askChallenge(wrong)
  wrong.control(Kind.proof, 0, { mac: hmac('x') })
  t.is(codeOf(wrong.frames()[0]!), 'auth.failed')
  const nonce = askChallenge(late)
  const mac = hmac(`callboard-proof-v1\n${nonce}\nmine\nowner`)
  await rig.advance(10_001)
  late.control(Kind.proof, 0, { mac })
  t.is(codeOf(late.frames()[0]!), 'auth.expired')
  const [first, thief] = [rig.link(), rig.link()]
  const fresh = askChallenge(first)
  const proof = hmac(`callboard-proof-v1\n${fresh}\nmine\nowner`)
  first.control(Kind.proof, 0, { mac: proof })
  askChallenge(thief)
  thief.control(Kind.proof, 0, { nonce: fresh, mac: proof })
  t.is(codeOf(thief.frames()[0]!), 'auth.replayed')
  t.true(first.connection.isReady)
})

test('admission: a wrong token and an unknown principal get the same answer', t => {
  const rig = new PipelineRig()
  const bodies = [{ auth: { token: 'wrong' } }, { principal: 'nobody', auth: { token: OWNER_TOKEN } }].map(hello => {
    const client = rig.link()
    client.control(Kind.hello, 0, hello)
    return client.frames()[0]!.body as { code: string; message: string }
  })
  t.deepEqual(bodies.map(({ code }) => code), ['auth.failed', 'auth.failed'])
  t.is(bodies[0]!.message.replace('owner', 'nobody'), bodies[1]!.message)
})

test('admission: without required authentication hello is enough, and a nonce still gets a challenge and a mac', t => {
  const rig = new PipelineRig({ ipc: { security: { requireAuth: false } } })
  t.is(greet(rig, { auth: {} }), 'welcome')
  t.is(greet(rig, { auth: { token: 'wrong' } }), 'auth.failed')
  const client = rig.link()
  const nonce = askChallenge(client)
  client.control(Kind.proof, 0, { mac: hmac(`callboard-proof-v1\n${nonce}\nmine\nowner`) })
  t.is((client.frames()[0]!.body as { mac: string }).mac, hmac(`callboard-welcome-v1\n${nonce}\nmine\nowner`))
})

test('admission: an agent of another user comes as that user alone, and nobody else does', t => {
  const rig = new PipelineRig({ userOf: principal => (principal === 'agent:lamp' ? 12_345 : undefined) })
  rig.addPrincipal({ name: 'agent:lamp', roles: ['agent'] }, 'token-of-the-lamp')
  const lamp = { principal: 'agent:lamp', auth: { token: 'token-of-the-lamp' } }
  t.is(greet(rig, lamp, { uid: 12_345 }), 'welcome')
  t.is(greet(rig, lamp, { uid: 12_346 }), 'auth.peer_uid')
  t.is(greet(rig, { ...lamp, client: 'second' }, { uid: process.getuid!() }), 'welcome')
  t.is(greet(rig, {}, { uid: 12_345 }), 'auth.peer_uid', 'with the owner\'s token')
})

test('admission: refusals before the welcome are a goodbye, and the link closes', t => {
  const rig = new PipelineRig()
  t.is(greet(rig, { auth: undefined }), 'auth.required')
  t.is(greet(rig, { protocol: { min: 2, max: 2 } }), 'handshake.version')
  t.is(greet(rig, { client: 'a.b' }), 'frame.malformed')
  t.is(greet(rig, {}, { uid: 12_345 }), 'auth.peer_uid')
  const early = rig.link()
  early.publish('a')
  const [goodbye] = early.frames()
  t.deepEqual([goodbye!.kind, codeOf(goodbye!)], [Kind.goodbye, 'handshake.expected'])
  t.true(early.link.isClosed)
  t.is(rig.core.directory.size, 0)
})

test('admission: the same principal takes a client id over, another one is refused', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'guest' }, 'guest-token')
  const first = rig.native({ client: 'me' })
  t.is(greet(rig, { client: 'me', principal: 'guest', auth: { token: 'guest-token' } }), 'session.id_taken')
  t.true(first.connection.isReady)
  const second = rig.native({ client: 'me' })
  t.is(codeOf(first.frames().at(-1)!), 'session.taken_over')
  t.true(first.link.isClosed)
  t.is(rig.core.directory.client('me')?.number, second.connection.number)
})

test('admission: a refused newcomer takes nothing over', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'worker', roles: ['agent'] }, 'worker-token')
  rig.native({ agent: 'weather', client: 'w', principal: 'worker', auth: { token: 'worker-token' } })
  const mine = rig.native({ client: 'me' })
  t.is(greet(rig, { client: 'me', agent: 'weather' }), 'session.id_taken')
  t.true(mine.connection.isReady)
})

test('admission: an id whose holder is on its way out is free', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'guest' }, 'guest-token')
  const ending = rig.native({ client: 'me' })
  ending.link.kernelBytes = 0
  rig.core.end(ending.connection, new BrokerError('connection.killed'))
  t.is(greet(rig, { client: 'me', principal: 'guest', auth: { token: 'guest-token' } }), 'welcome')
  ending.link.hangUp()
  rig.turn()
  t.is(rig.core.directory.client('me')?.permissions?.name, 'guest')
})

test('admission: agent names are for agents, and an agent\'s own credential serves for its name alone', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'guest' }, 'guest-token')
  rig.addPrincipal({ name: 'agent:weather', roles: ['agent'] }, 'weather-token')
  t.is(greet(rig, { agent: 'weather', principal: 'guest', auth: { token: 'guest-token' } }), 'permission.denied')
  t.is(greet(rig, { agent: 'news', principal: 'agent:weather', auth: { token: 'weather-token' } }), 'permission.denied')
  t.is(greet(rig, { agent: 'weather', principal: 'agent:weather', auth: { token: 'weather-token' } }), 'welcome')
})

test('admission: who gives no client id gets one of program and process, or of the connection', t => {
  const rig = new PipelineRig()
  const ids = [{ program: 'my tool' }, { program: 'my tool' }, {}].map(hello => rig.native(hello, { pid: 42 }).connection.client)
  t.deepEqual(ids, ['my-tool-42', 'my-tool-42-2', 'client-3'])
  t.is(rig.native({ program: 'tool' }).connection.client, 'client-4')
})

test('admission: a handshake has its time, however it drips', async t => {
  const rig = new PipelineRig({ ipc: { limits: { handshakeMs: 1000 } } })
  const [silent, dripping] = [rig.link(), rig.link()]
  const hello = dripping.frame({ kind: Kind.hello })
  for (const byte of hello.subarray(0, 9)) {
    dripping.link.arrive(Uint8Array.of(byte))
    await rig.advance(100)
  }
  t.false(dripping.link.isClosed)
  await rig.advance(150)
  t.is(codeOf(dripping.frames()[0]!), 'handshake.timeout')
  t.true(silent.link.isClosed)
  const admitted = rig.native()
  await rig.advance(5000)
  t.true(admitted.connection.isReady)
})

test('admission: frames before the welcome may have 8 KiB, after it more', t => {
  const rig = new PipelineRig()
  const client = rig.link()
  client.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, padding: 'x'.repeat(8300) })
  t.is(codeOf(client.frames()[0]!), 'frame.too_large')
  const other = rig.native()
  other.publish('a', new Uint8Array(100_000))
  t.deepEqual(other.frames(), [])
})

test('admission: those over the limit are told, those within it are not turned away for them', t => {
  const rig = new PipelineRig({ maxConnections: 2 })
  const [one, two] = [rig.link(), rig.link()]
  t.is(greet(rig, {}), 'connection.limit')
  const waiting = rig.link()
  for (const client of [one, two]) {
    client.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN } })
    t.is(client.frames()[0]!.kind, Kind.welcome)
  }
  one.link.hangUp()
  rig.turn()
  t.is(codeOf((waiting.control(Kind.hello, 0, {}), waiting.frames()[0]!)), 'connection.limit')
  t.is(greet(rig, {}), 'welcome')
})

test('admission: with a list of processes, the kernel\'s word on the peer decides', t => {
  const rigFor = (executable: string): PipelineRig => new PipelineRig({ ipc: { security: { allowedProcesses: [executable] } } })
  t.is(greet(rigFor(process.execPath), {}, { pid: process.pid }), 'welcome')
  t.is(greet(rigFor('/usr/bin/true'), {}, { pid: process.pid }), 'auth.process_not_allowed')
  t.is(greet(rigFor(process.execPath), {}), 'auth.process_not_allowed')
})

test('admission: a first byte of no dialect ends the connection, by name for whoever runs it', t => {
  const rig = new PipelineRig()
  const client = rig.link()
  client.link.arrive(new TextEncoder().encode('GET / HTTP/1.1\r\n'))
  rig.turn()
  t.true(client.link.isClosed)
  t.is(client.connection.closeReason?.code, 'frame.bad_preamble')
  t.is(client.link.read().length, 0)
})

test('admission: draining tells everybody, and nobody is left', t => {
  const rig = new PipelineRig()
  const [ready, half] = [rig.native(), rig.link()]
  for (const { connection } of [ready, half]) rig.core.end(connection, new BrokerError('connection.draining'))
  t.deepEqual(ready.frames().map(codeOf), ['connection.draining'])
  t.true(half.link.isClosed)
  t.is(rig.core.directory.size, 0)
  rig.pipeline.close()
  t.is(rig.core.deadlines.size, 0)
})

test('admission: who has spoken in time is heard, also when the broker itself was held up past the time', async t => {
  const rig = new PipelineRig({ ipc: { limits: { handshakeMs: 1000 } } })
  const [spoke, silent] = [rig.link(), rig.link()]
  // Timers fire first after such a pause; what has come is read in the turn after that.
  spoke.link.pause()
  spoke.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN } })
  rig.clock.oversleep(2000)
  await rig.clock.advance(0)
  spoke.link.resume()
  rig.links()
  await rig.advance(100)
  t.is(spoke.frames()[0]?.kind, Kind.welcome)
  t.true(spoke.connection.isReady)
  t.true(silent.link.isClosed)
})

/** Presence as admission asks it: who has which id at other brokers. */
function elsewhere(rig: PipelineRig, holders: Readonly<Record<string, string>>): void {
  rig.core.presence = { subjectOf: () => undefined, holder: (kind, id) => holders[`${kind} ${id}`], came() {}, left() {} }
}

/** The client id that the welcome to a hello names. */
function welcomedAs(rig: PipelineRig, hello: HelloFields, peer: object = {}): string {
  const client = rig.link(peer)
  client.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, ...hello })
  return (client.frames()[0]!.body as { client: string }).client
}

test('admission: a name that another principal has at another broker is taken, the same principal\'s is taken over there', t => {
  const rig = new PipelineRig()
  elsewhere(rig, { 'client desk': 'stranger', 'client mine': 'owner', 'agent lamp': 'stranger' })
  t.is(greet(rig, { client: 'desk' }), 'session.id_taken')
  t.is(greet(rig, { client: 'mine' }), 'welcome')
  t.is(greet(rig, { client: 'other', agent: 'lamp' }), 'session.id_taken')
})

test('admission: ids that nobody chose carry the broker\'s where brokers are joined, and stay as they are where not', t => {
  const rig = new PipelineRig()
  const peer = { pid: 7 }
  const long = 'x'.repeat(120)
  t.is(welcomedAs(rig, { client: 'tool-7', clientDefault: true }), 'tool-7')
  t.is(welcomedAs(rig, { program: 'tool' }, peer), 'tool-7-2')
  elsewhere(rig, {})
  t.is(welcomedAs(rig, { client: 'tool-7', clientDefault: true }), 'tool-7-testhome')
  t.is(welcomedAs(rig, { client: 'desk' }), 'desk')
  t.is(welcomedAs(rig, {}), 'client-5-testhome')
  const [first, second] = [welcomedAs(rig, { client: `${long}-1`, clientDefault: true }), welcomedAs(rig, { client: `${long}-2`, clientDefault: true })]
  t.deepEqual([first, second].map(id => id.length), [128, 128])
  t.true(first.endsWith('-1-testhome') && second.endsWith('-2-testhome'))
  t.is(welcomedAs(rig, { client: 'plain', clientDefault: true }), 'plain-testhome')
  t.is(welcomedAs(rig, { client: 'y'.repeat(128), clientDefault: true }), `${'y'.repeat(119)}-testhome`)
})
