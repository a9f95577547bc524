// An upgrade of the broker with clients that come by TLS: NATS clients to its port, programs of the SDK through a proxy that ends it before the gateway.

import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect as dial, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls'
import test from 'ava'
import { connect } from '../../client/index.ts'
import { endHolder } from '../support/broker-home.ts'
import { startCallboard } from '../support/callboard.ts'
import { certificateAuthority, noOpenssl, type Certificate } from '../support/certificates.ts'
import { connectNats, nextNatsStatus } from '../support/nats-client.ts'
import { RequestLoad } from '../support/request-load.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

/** Ends TLS in front of a gateway; its `wss:` URL. */
async function secureProxy(t: Teardown, gateway: string, { certFile, keyFile }: Certificate): Promise<string> {
  const { hostname, port } = new URL(gateway)
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile), handshakeTimeout: 60_000 }, secure => {
    const plain = dial(Number(port), hostname)
    secure.pipe(plain).pipe(secure)
    for (const [one, other] of [[secure, plain], [plain, secure]] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `wss://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const title = 'upgrade: no request of the SDK by wss fails, and NATS clients with TLS come back at once to the same port, with what they had subscribed to'
const tlsTest = noOpenssl === undefined ? test : test.skip
tlsTest(noOpenssl === undefined ? title : `${title} (left out: ${noOpenssl})`, async t => {
  const authority = certificateAuthority(t)
  const certificate = authority.issue('server')
  setDefaultCACertificates([...getCACertificates(), readFileSync(authority.caFile, 'utf8')])
  const config = join(temporaryDirectory(t), 'tls.json')
  writeFileSync(config, JSON.stringify({ nats: { port: 0, authTimeout: '1m', tls: { cert: certificate.certFile, key: certificate.keyFile, handshakeTimeout: '1m' } } }))
  const broker = await startCallboard(t, { config })
  endHolder(t, broker.home)
  const { socket, gateway, nats } = broker.started
  const patient = { home: broker.home, connectTimeoutMs: 60_000, requestTimeoutMs: 60_000 }
  const load = await RequestLoad.start(t, [{ ...patient, url: await secureProxy(t, gateway!, certificate) }, { ...patient, socket }], { depth: 2 })
  const foreign = await connectNats(t, new URL(nats!).host, { token: readFileSync(join(broker.home, 'token'), 'utf8').trim(), reconnect: true, maxReconnectAttempts: -1, reconnectTimeWait: 20, tls: { caFile: authority.caFile } })
  foreign.subscribe('foreign', { callback: (_error, message) => void message.respond(message.data) })
  await foreign.flush()
  const client = await connect({ ...patient, socket, agent: false })
  t.teardown(() => client.destroy())
  const isAnswered = (): Promise<boolean> => client.request('foreign', 1).then(() => true, () => false)
  t.true(await isAnswered())
  await load.more(100)
  const back = nextNatsStatus(foreign, 'reconnect')
  await broker.json('upgrade')
  await back
  await until(isAnswered)
  await load.more(100)
  const loaded = await load.end()
  t.deepEqual(loaded.failed, {})
  t.is(loaded.wrong, 0)
})
