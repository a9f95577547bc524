import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import test from 'ava'
import { certificateAuthority, noOpenssl, type Authority } from './certificates.ts'

const title = 'certificates: who trusts the authority trusts a server that has one of it, and nobody else does'
const tlsTest = noOpenssl === undefined ? test : test.skip

tlsTest(noOpenssl === undefined ? title : `${title} (left out: ${noOpenssl})`, async t => {
  const [ours, other] = [certificateAuthority(t), certificateAuthority(t)]
  const { certFile, keyFile } = ours.issue('server')
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }).listen(0, '127.0.0.1')
  server.on('tlsClientError', () => {})
  t.teardown(() => server.close())
  await once(server, 'listening')
  const open = async ({ caFile }: Authority): Promise<void> => {
    const socket = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ca: readFileSync(caFile) })
    t.teardown(() => socket.destroy())
    await once(socket, 'secureConnect')
  }
  await t.notThrowsAsync(open(ours))
  await t.throwsAsync(open(other))
})
