// TLS on the NATS port with the public client, which is greeted in the clear and then goes on secure.

import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import test from 'ava'
import { loadConfigOf } from '../../config/load.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { certificateAuthority, noOpenssl, type Authority } from '../support/certificates.ts'
import { connectNats } from '../support/nats-client.ts'
import { runCallboard } from '../support/run-callboard.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'
import { sameBytes } from '../support/same-bytes.ts'

interface SecureBroker {
  readonly broker: LocalBroker
  readonly authority: Authority
  readonly certFile: string
  readonly keyFile: string
}

// Times are long, as other tests may keep the machine busy.
async function startSecure(t: Teardown, keys: object = {}): Promise<SecureBroker> {
  const authority = certificateAuthority(t)
  const { certFile, keyFile } = authority.issue('server')
  const broker = await startBroker(t, { config: { nats: { port: 0, authTimeout: '1m', tls: { cert: certFile, key: keyFile, ca: authority.caFile, handshakeTimeout: '1m', ...keys } } } })
  return { broker, authority, certFile, keyFile }
}

const tlsTest = noOpenssl === undefined ? test : test.skip
const titled = (title: string): string => (noOpenssl === undefined ? title : `${title} (left out: ${noOpenssl})`)

/** Who signed the certificate that a new client of the port is shown, by its subject. */
async function shownName(t: Teardown, { broker, authority }: SecureBroker): Promise<string> {
  const socket = connect(broker.natsPort, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'data')
  const secure = connectTls({ socket, host: '127.0.0.1', ca: readFileSync(authority.caFile) })
  t.teardown(() => secure.destroy())
  await once(secure, 'secureConnect')
  // Where the port wants a certificate of it, it hears of that now.
  secure.on('error', () => {})
  return String(secure.getPeerCertificate().subject.CN)
}

tlsTest(titled('config: nats.tls: clients go on secure behind the greeting, and are heard'), async t => {
  const { broker, authority } = await startSecure(t)
  t.regex(broker.nats, /^tls:\/\/127\.0\.0\.1:\d+$/)
  const client = await connectNats(t, `127.0.0.1:${broker.natsPort}`, { token: broker.token, tls: { caFile: authority.caFile } })
  t.true(client.info?.tls_required)
  const large = new Uint8Array(1_000_000).fill(3)
  const echoed = client.subscribe('a', { max: 2 })
  client.publish('a', 'secure')
  client.publish('a', large)
  const heard: Buffer[] = []
  for await (const { data } of echoed) heard.push(Buffer.from(data))
  t.is(heard.length, 2)
  sameBytes(t, heard[0]!, Buffer.from('secure'))
  sameBytes(t, heard[1]!, large)
})

tlsTest(titled('config: nats.tls: who goes on in the clear is told that TLS is required'), async t => {
  const { broker } = await startSecure(t)
  const socket = connect(broker.natsPort, '127.0.0.1')
  const said = text(socket)
  socket.write(`CONNECT {"verbose":false,"auth_token":"${broker.token}"}\r\nPUB a 1\r\nx\r\n`)
  t.regex(await said, /^INFO \{.*"tls_required":true.*\}\r\n-ERR 'Secure Connection - TLS Required'\r\n$/)
})

tlsTest(titled('config: nats.tls.verify: a client without a certificate of the authority is not let in'), async t => {
  const { broker, authority } = await startSecure(t, { verify: true })
  const server = `127.0.0.1:${broker.natsPort}`
  const issued = authority.issue('client')
  const client = await connectNats(t, server, { token: broker.token, tls: { caFile: authority.caFile, certFile: issued.certFile, keyFile: issued.keyFile } })
  await client.flush()
  const stranger = certificateAuthority(t).issue('client')
  await t.throwsAsync(connectNats(t, server, { token: broker.token, tls: { caFile: authority.caFile } }))
  await t.throwsAsync(connectNats(t, server, { token: broker.token, tls: { caFile: authority.caFile, certFile: stranger.certFile, keyFile: stranger.keyFile } }))
  t.is((await (await broker.connect()).call('connections')).connections.filter(({ dialect }) => dialect === 'nats').length, 1)
})

tlsTest(titled('config: nats.tls.handshakeTimeout: who does not begin is ended'), async t => {
  const { broker } = await startSecure(t, { handshakeTimeout: '50ms' })
  const socket = connect(broker.natsPort, '127.0.0.1')
  t.regex(await text(socket), /^INFO /)
  t.regex((await broker.log.logged(/tls\.handshake_timeout/)).text, /50 ms/)
})

tlsTest(titled('config: nats.tls.cert and nats.tls.key are read again on request'), async t => {
  const secure = await startSecure(t)
  const { broker, authority, certFile, keyFile } = secure
  t.is(await shownName(t, secure), 'server')
  const next = authority.issue('next')
  writeFileSync(certFile, readFileSync(next.certFile))
  writeFileSync(keyFile, readFileSync(next.keyFile))
  broker.broker.reloadCertificates()
  t.is(await shownName(t, secure), 'next')
  writeFileSync(keyFile, 'no key')
  t.throws(() => broker.broker.reloadCertificates(), { code: 'config.invalid' })
  t.is(await shownName(t, secure), 'next')
})

tlsTest(titled('nats tls: settings that are loaded again bring other files and rules; where something of them is wrong all stays'), async t => {
  const secure = await startSecure(t)
  const { broker, authority, certFile, keyFile } = secure
  const { settings } = await loadConfigOf({ home: broker.home })
  const tls = { certFile, keyFile, caFile: authority.caFile, verify: true, handshakeTimeoutMs: 60_000 }
  const guest = { name: 'guest', roles: ['client'] as const, nkey: undefined, token: 'a-token-of-guests', tokenFile: undefined, publish: { allow: ['>'], deny: [] }, subscribe: { allow: ['>'], deny: [] } }
  const next = { ...settings, nats: { ...settings.nats, tls: { ...tls, ...authority.issue('next') } } }
  t.throws(() => broker.broker.reload({ ...next, principals: [{ ...guest, token: undefined, tokenFile: '/nowhere/token' }] }), { code: 'config.invalid' })
  t.is(await shownName(t, secure), 'server')
  broker.broker.reload({ ...next, principals: [guest] })
  t.is(await shownName(t, secure), 'next')
  const issued = authority.issue('client')
  const client = await connectNats(t, `127.0.0.1:${broker.natsPort}`, { user: 'guest', pass: 'a-token-of-guests', tls: { caFile: authority.caFile, certFile: issued.certFile, keyFile: issued.keyFile } })
  t.true(client.info?.tls_verify)
  t.throws(() => broker.broker.reload({ ...next, nats: { ...next.nats, tls: { ...tls, certFile: '/nowhere/cert.pem' } }, principals: [] }), { code: 'config.invalid' })
  await connectNats(t, `127.0.0.1:${broker.natsPort}`, { user: 'guest', pass: 'a-token-of-guests', tls: { caFile: authority.caFile, certFile: issued.certFile, keyFile: issued.keyFile } })
})

tlsTest(titled('config: with nats.tls nothing is warned of beyond this machine'), async t => {
  const authority = certificateAuthority(t)
  const { certFile, keyFile } = authority.issue('server')
  const broker = await startBroker(t, { config: { nats: { host: '0.0.0.0', port: 0, tls: { cert: certFile, key: keyFile } } } })
  t.false(broker.log.records.some(({ text: line }) => line.includes('without TLS')))
  const open = await startBroker(t, { config: { nats: { host: '0.0.0.0', port: 0 } } })
  t.truthy(await open.log.logged(/the NATS port listens beyond this machine, and without TLS/))
})

tlsTest(titled('config: nats.tls.optional: clients come with TLS and without'), async t => {
  const { broker, authority } = await startSecure(t, { optional: true })
  const server = `127.0.0.1:${broker.natsPort}`
  // The library takes TLS where there is some, unless it is told not to.
  const plain = await connectNats(t, server, { token: broker.token, tls: null })
  t.is(plain.info?.tls_required, undefined)
  t.true(plain.info?.tls_available)
  const heard = plain.subscribe('a', { max: 1 })
  await plain.flush()
  const secure = await connectNats(t, server, { token: broker.token, tls: { caFile: authority.caFile } })
  secure.publish('a', 'secure')
  for await (const message of heard) t.is(message.string(), 'secure')
})

tlsTest(titled('config: nats.tls.first: the greeting comes behind the handshake'), async t => {
  const { broker, authority } = await startSecure(t, { first: true })
  const client = await connectNats(t, `127.0.0.1:${broker.natsPort}`, { token: broker.token, tls: { caFile: authority.caFile, handshakeFirst: true } })
  await client.flush()
  // In the clear nothing is said, not even why.
  const socket = connect(broker.natsPort, '127.0.0.1')
  socket.on('error', () => {})
  const said: Buffer[] = []
  socket.on('data', chunk => void said.push(chunk))
  socket.write('CONNECT {}\r\n')
  await new Promise(resolve => void socket.once('close', resolve))
  t.deepEqual(said, [])
})

test('config: nats.tls with files that are not there ends the start as any wrong configuration does', async t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'config.json'), JSON.stringify({ nats: { tls: { cert: 'cert.pem', key: 'key.pem' } } }))
  const { exit, stderr } = await runCallboard(t, ['start'], { home })
  t.is(exit, 2)
  t.regex(stderr, /the files of nats\.tls cannot be used: .*cert\.pem/)
})
