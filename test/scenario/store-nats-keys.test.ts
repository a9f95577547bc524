// The keys of the store `nats`, at a real server: each is needed there, or makes a difference.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { startBroker } from '../support/broker.ts'
import { certificateAuthority, noOpenssl } from '../support/certificates.ts'
import { errorCode } from '../support/error-code.ts'
import { NatsServer, natsTest } from '../support/nats-server.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'

/** What becomes of a message to a queue in such a store. */
async function outcome(t: Teardown, nats: object): Promise<string> {
  const broker = await startBroker(t, { config: { queue: { backend: 'nats', config: { durability: 'os' } }, store: { nats } } })
  const client = await broker.connect()
  const made = await errorCode(client.channels.create({ name: 'jobs', mode: 'queue' }))
  return made === 'resolved' ? errorCode(client.publish('jobs', 'x', { receipt: true })) : made
}

const titled = (title: string): string => (noOpenssl === undefined ? title : `${title} (left out: ${noOpenssl})`)

;(noOpenssl === undefined ? natsTest : test.skip)(titled('config: servers, credentials and TLS of store.nats let queues into a JetStream that asks for all three'), async (t: ExecutionContext) => {
  const authority = certificateAuthority(t)
  const [own, its] = [authority.issue('callboard'), authority.issue('localhost')]
  const server = await NatsServer.configure(t, { jetStream: true, config: { authorization: { users: [{ user: 'hall', password: 'password' }] }, tls: { cert_file: its.certFile, key_file: its.keyFile, ca_file: authority.caFile, verify: true } } })
  await server.start()
  const credentials = join(temporaryDirectory(t), 'credentials')
  writeFileSync(credentials, 'hall:password\n')
  const [servers, tls] = [[`nats://localhost:${server.port}`], { ca: authority.caFile, cert: own.certFile, key: own.keyFile }]
  t.is(await outcome(t, { servers, credentials, tls }), 'resolved')
  const { ca: _ca, ...unknown } = tls
  const without: readonly (readonly [what: string, nats: object])[] = [['credentials', { servers, tls }], ['tls', { servers, credentials }], ['ca', { servers, credentials, tls: unknown }], ['cert and key', { servers, credentials, tls: { ca: tls.ca } }]]
  const outcomes = await Promise.all(without.map(([, nats]) => outcome(t, nats)))
  for (const [at, [what]] of without.entries()) t.is(outcomes[at], 'store.unavailable', `without ${what}`)
})

natsTest('config: store.nats.replicas is how many servers keep a queue, which there must be', async t => {
  const server = await NatsServer.configure(t, { jetStream: true })
  await server.start()
  t.is(await outcome(t, { servers: [server.url] }), 'resolved')
  t.not(await outcome(t, { servers: [server.url], replicas: 3 }), 'resolved')
})
