import { chmodSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { BrokerError, connect } from '../../client/index.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { ScriptedBroker, TOKEN } from '../support/scripted-broker.ts'
import { nextEvent, scriptedClient } from '../support/scripted-client.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

async function refusal(t: ExecutionContext, attempt: Promise<unknown>): Promise<string> {
  const error = await t.throwsAsync(attempt, { instanceOf: BrokerError })
  return error.code
}

test('connect: by challenge the token stays here, and the client knows who and where it is', async t => {
  const broker = await ScriptedBroker.start(t)
  const [client, peer] = await Promise.all([connect({ socket: broker.socket, token: TOKEN, clientId: 'me', program: 'demo', echo: false, heartbeat: true }), broker.welcome()])
  t.teardown(() => client.destroy())
  const { auth, ...rest } = peer.hello
  t.deepEqual(rest, { protocol: { min: 1, max: 1 }, client: 'me', program: 'demo', echo: false, heartbeatMs: 30_000, compression: ['zstd'], moves: true, receiptRuns: true, sharedMemory: true })
  t.regex(auth?.nonce ?? '', /^[0-9a-f]{32}$/)
  t.is(auth?.token, undefined)
  t.is(client.id, 'tester')
  t.is(client.welcome.incarnation, 7)
  t.true(client.isConnected)
})

test('connect: with a wrong token the broker refuses by name', async t => {
  const broker = await ScriptedBroker.start(t)
  const attempt = connect({ socket: broker.socket, token: 'wrong' })
  void broker.welcome()
  t.is(await refusal(t, attempt), 'auth.failed')
})

test('connect: a broker that does not know the token is refused', async t => {
  const broker = await ScriptedBroker.start(t)
  const attempt = connect({ socket: broker.socket, token: TOKEN })
  void broker.welcome({ mac: '0'.repeat(64) })
  t.is(await refusal(t, attempt), 'auth.failed')
})

test('connect: the home names socket and token', async t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'token'), `${TOKEN}\n`)
  const broker = await ScriptedBroker.start(t)
  const [client, peer] = await Promise.all([connect({ home, socket: broker.socket, auth: 'token' }), broker.welcome()])
  t.teardown(() => client.destroy())
  t.is(peer.hello.auth?.token, TOKEN)
  t.is(await refusal(t, connect({ home })), 'connect.no_socket')
})

test('connect: two clients of one process choose different ids', async t => {
  const broker = await ScriptedBroker.start(t)
  const ids: unknown[] = []
  for (let i = 0; i < 2; i++) {
    const [client, peer] = await Promise.all([connect({ socket: broker.socket, token: TOKEN, program: 'a b' }), broker.welcome()])
    t.teardown(() => client.destroy())
    ids.push(peer.hello['client'])
  }
  t.not(ids[0], ids[1])
  for (const id of ids) t.regex(String(id), new RegExp(`^a-b-${process.pid}(-\\d+)?$`))
})

test('connect: what the system says becomes a named error', async t => {
  const directory = temporaryDirectory(t)
  t.is(await refusal(t, connect({ socket: join(directory, 'none.sock'), token: TOKEN })), 'connect.no_socket')
  const server = createServer().listen(join(directory, 'left.sock'))
  await once(server, 'listening')
  // Closing would unlink the path: what remains of a killed broker is a socket that nobody listens at.
  renameSync(join(directory, 'left.sock'), join(directory, 'stale.sock'))
  server.close()
  t.is(await refusal(t, connect({ socket: join(directory, 'stale.sock'), token: TOKEN })), 'connect.refused')
})

const isRoot = process.getuid?.() === 0

test('connect: a token file that may not be read is refused by name', async t => {
  const directory = temporaryDirectory(t)
  const broker = await ScriptedBroker.start(t)
  t.is(await refusal(t, connect({ socket: broker.socket, tokenFile: join(directory, 'none') })), 'auth.required')
  writeFileSync(join(directory, 'token'), TOKEN)
  chmodSync(join(directory, 'token'), 0)
  const attempt = connect({ socket: broker.socket, tokenFile: join(directory, 'token') })
  // Root reads every file: then the attempt goes on, and ends with the broker.
  if (isRoot) (await broker.accept()).goodbye('connection.limit')
  t.is(await refusal(t, attempt), isRoot ? 'connection.limit' : 'connect.forbidden')
})

test('connect: a broker that does not answer is given up after the time-out', async t => {
  const broker = await ScriptedBroker.start(t)
  const attempt = connect({ socket: broker.socket, token: TOKEN, connectTimeoutMs: 20 })
  const peer = await broker.accept()
  t.is(await refusal(t, attempt), 'connect.timeout')
  await peer.closed
})

test('connect: a signal ends the attempt, and later the client', async t => {
  const broker = await ScriptedBroker.start(t)
  t.is(await refusal(t, connect({ socket: broker.socket, token: TOKEN, signal: AbortSignal.abort() })), 'client.aborted')
  const early = new AbortController()
  const attempt = connect({ socket: broker.socket, token: TOKEN, signal: early.signal })
  await broker.accept()
  early.abort()
  t.is(await refusal(t, attempt), 'client.aborted')
  const late = new AbortController()
  const { client, peer } = await scriptedClient(t, { signal: late.signal })
  late.abort()
  t.is(await client.closed, undefined)
  await peer.closed
})

test('connect: a goodbye in place of the welcome rejects with its error', async t => {
  const broker = await ScriptedBroker.start(t)
  const attempt = connect({ socket: broker.socket, token: TOKEN })
  ;(await broker.accept()).goodbye('session.id_taken')
  t.is(await refusal(t, attempt), 'session.id_taken')
})

test('connect: bytes that are no frames end the connection by name', async t => {
  const { client, peer } = await scriptedClient(t, { retry: false })
  const closed = nextEvent(client, 'closed')
  peer.send({ kind: Kind.ping, id: 5 })
  t.is((await peer.nextOf(Kind.pong)).ref, 5)
  peer.sendBytes(Uint8Array.of(0, 0, 0, 3, 1, 2, 3))
  t.is((await closed)?.code, 'frame.malformed')
  t.is((await client.closed)?.code, 'frame.malformed')
})
