// What a broker shows NATS servers, and what servers it takes.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nkeys } from '@nats-io/transport-node'
import test, { type ExecutionContext } from 'ava'
import { values } from '../support/collect.ts'
import { certificateAuthority, noOpenssl } from '../support/certificates.ts'
import { joinedBroker, reaches } from '../support/joined-brokers.ts'
import { NatsServer, natsTest } from '../support/nats-server.ts'
import { runCallboard } from '../support/run-callboard.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const seedOf = (user: ReturnType<typeof nkeys.createUser>): string => new TextDecoder().decode(user.getSeed())

const user = nkeys.createUser()
const credentials: readonly (readonly [what: string, authorization: object, file: string])[] = [
  ['a token', { token: 's3cret-token' }, 's3cret-token\n'],
  ['user and password', { users: [{ user: 'hall', password: 'pass:word' }] }, '# of the hall\nhall:pass:word\n'],
  ['the seed of an nkey', { users: [{ nkey: user.getPublicKey() }] }, `${seedOf(user)}\n`],
]

for (const [what, authorization, contents] of credentials) {
  natsTest(`joined bus: ${what} lets the broker in, and a wrong one is told`, async t => {
    const server = await NatsServer.configure(t, { config: { authorization } })
    await server.start()
    const file = join(temporaryDirectory(t), 'credentials')
    writeFileSync(file, contents)
    const broker = await joinedBroker(t, [server.url], { bus: { credentials: file } })
    const client = await broker.connect()
    const heard = client.subscribe('x')
    await heard.ready
    await client.publish('x', 1)
    t.deepEqual(await values(heard, 1), [1])
    // Read anew for each connection.
    writeFileSync(file, seedOf(nkeys.createUser()))
    await server.kill()
    await server.start()
    await until(async () => /authorization violation/i.test((await client.call('status')).bus?.problem ?? ''))
    t.not((await client.call('status')).bus!.state, 'joined')
    writeFileSync(file, contents)
    await reaches(client, 'joined')
  })
}

natsTest('joined bus: what its account may not publish is counted and named, and costs nobody the link', async t => {
  const server = await NatsServer.configure(t, { config: { authorization: { users: [{ user: 'hall', password: 'password', permissions: { publish: { deny: ['secret.>'] }, subscribe: ['>'] } }] } } })
  await server.start()
  const file = join(temporaryDirectory(t), 'credentials')
  writeFileSync(file, 'hall:password\n')
  const broker = await joinedBroker(t, [server.url], { bus: { credentials: file } })
  const client = await broker.connect()
  for (const subject of ['secret.a', 'open', 'secret.a', 'secret.b']) await client.publish(subject, 1, { receipt: 'delivered' })
  t.like((await client.call('status')).bus, { state: 'joined', unsent: 3 })
  const told = broker.log.records.filter(({ text }) => /Permissions Violation for Publish/i.test(text))
  t.deepEqual(told.map(({ text }) => /"(.*)"/.exec(text)?.[1]), ['secret.a', 'secret.b'], 'each subject once')
  t.true((await client.call('stats')).balanced)
})

natsTest('joined bus: a file of credentials that is not there ends the start by name', async t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'config.json'), JSON.stringify({ bus: { nats: { servers: ['127.0.0.1:1'], credentials: 'missing.creds' } } }))
  const { exit, stderr } = await runCallboard(t, ['start'], { home })
  t.is(exit, 2)
  t.regex(stderr, /bus\.nats\.credentials: the file \S+missing\.creds cannot be read/)
})

const tlsTest = noOpenssl === undefined ? natsTest : test.skip
const titled = (title: string): string => (noOpenssl === undefined ? title : `${title} (left out: ${noOpenssl})`)

tlsTest(titled('joined bus: TLS with certificates on both sides, and never without it where it is asked for'), async (t: ExecutionContext) => {
  const authority = certificateAuthority(t)
  const [own, servers] = [authority.issue('callboard'), authority.issue('localhost')]
  const server = await NatsServer.configure(t, { config: { tls: { cert_file: servers.certFile, key_file: servers.keyFile, ca_file: authority.caFile, verify: true } } })
  await server.start()
  const broker = await joinedBroker(t, [`nats://localhost:${server.port}`], { bus: { tls: { ca: authority.caFile, cert: own.certFile, key: own.keyFile } } })
  const client = await broker.connect()
  const heard = client.subscribe('x')
  await heard.ready
  await client.publish('x', 1)
  t.deepEqual(await values(heard, 1), [1])
  await reaches(client, 'joined')

  const nobody = await joinedBroker(t, [`nats://localhost:${server.port}`], { isReachable: false, bus: { tls: { ca: authority.caFile } } })
  t.regex((await reaches(await nobody.connect(), 'waiting')).problem!, /certificate|alert|closed|reset|ECONNRESET/i)

  const clear = await NatsServer.configure(t)
  await clear.start()
  const wary = await joinedBroker(t, [`tls://127.0.0.1:${clear.port}`], { isReachable: false })
  t.regex((await reaches(await wary.connect(), 'waiting')).problem!, /does not speak TLS/)
})
