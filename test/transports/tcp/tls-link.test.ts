import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { Deadlines } from '../../../broker/ground/deadlines.ts'
import type { NatsTlsSettings } from '../../../broker/ground/settings.ts'
import { TlsGate } from '../../../transports/tcp/tls-gate.ts'
import { certificateAuthority, noOpenssl, type Authority } from '../../support/certificates.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { recordedLog, type RecordedLog } from '../../support/recorded-log.ts'
import { openTcpRig, untilEnd, type TcpRig } from '../../support/tcp-rig.ts'
import { until } from '../../support/until.ts'

interface Secured {
  readonly rig: TcpRig
  readonly gate: TlsGate
  readonly gateLog: RecordedLog
  readonly authority: Authority
  readonly settings: NatsTlsSettings
  readonly clock: FakeClock
  /** Handshakes that were begun. */
  readonly begun: () => number
}

async function secured(t: ExecutionContext, options: Partial<NatsTlsSettings> = {}): Promise<Secured> {
  const authority = certificateAuthority(t)
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, { onError: error => t.fail(String(error)) })
  t.teardown(() => deadlines.close())
  const settings: NatsTlsSettings = { ...authority.issue('server'), caFile: authority.caFile, verify: false, handshakeTimeoutMs: 2000, ...options }
  const gateLog = recordedLog()
  const gate = new TlsGate({ settings, block: 'nats.tls', deadlines, log: gateLog })
  let begun = 0
  const begin = gate.begin.bind(gate)
  gate.begin = (...handshake) => {
    begun++
    begin(...handshake)
  }
  return { rig: await openTcpRig(t, { tls: gate }), gate, gateLog, authority, settings, clock, begun: () => begun }
}

/** As NATS clients do: the greeting in the clear, then TLS over the same socket. */
async function goSecure(t: ExecutionContext, socket: Socket, options: ConnectionOptions): Promise<TLSSocket> {
  t.is(String((await once(socket, 'data'))[0]), 'hello\r\n')
  const secure = connectTls({ socket, host: '127.0.0.1', ...options })
  t.teardown(() => secure.destroy())
  await once(secure, 'secureConnect')
  return secure
}

const tlsTest = noOpenssl === undefined ? test : test.skip
const titled = (title: string): string => (noOpenssl === undefined ? title : `${title} (left out: ${noOpenssl})`)

tlsTest(titled('tls link: greeted in the clear, then secure, it carries bytes both ways'), async t => {
  const { rig, authority } = await secured(t)
  t.is(rig.listener.address, `tls://127.0.0.1:${rig.listener.port}`)
  const socket = await rig.dial()
  const secure = await goSecure(t, socket, { ca: readFileSync(authority.caFile) })
  const received = text(secure)
  const long = 'x'.repeat(300_000)
  secure.end(`PING\r\n${long}`)
  t.is(await received, `PING\r\n${long}`)
  await until(() => rig.gone.length === 1)
  t.deepEqual([rig.endings, rig.gone], [[undefined], [undefined]])
})

tlsTest(titled('tls link: a client that goes on in the clear is told that TLS is required, once'), async t => {
  const { rig } = await secured(t)
  const socket = await rig.dial()
  const received = untilEnd(socket)
  socket.write('CONNECT {}\r\n')
  socket.write('PING\r\n')
  t.is(await received, 'hello\r\n-ERR \'tls.required\'\r\n')
  await until(() => rig.gone.length === 1)
  t.deepEqual(rig.endings.map(problem => problem?.code), ['tls.required', undefined])
})

tlsTest(titled('tls link: a handshake in single bytes is one too'), async t => {
  const { rig, authority } = await secured(t)
  // In between stands a path that passes on what the client says one byte at a time.
  const { createServer } = await import('node:net')
  const path = createServer(client => {
    const server = connectTcp(rig.listener.port, '127.0.0.1').setNoDelay(true)
    server.on('error', () => client.destroy())
    client.on('error', () => server.destroy())
    server.pipe(client)
    client.on('data', chunk => {
      for (let i = 0; i < chunk.length; i++) server.write(chunk.subarray(i, i + 1))
    })
    client.on('end', () => server.end())
  }).listen(0, '127.0.0.1')
  t.teardown(() => path.close())
  await once(path, 'listening')
  const socket = connectTcp((path.address() as { port: number }).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const secure = await goSecure(t, socket, { ca: readFileSync(authority.caFile) })
  secure.write('one by one')
  t.is(String((await once(secure, 'data'))[0])[0], 'o')
})

tlsTest(titled('tls link: who does not begin in time is ended, and so is who begins and does not go on'), async t => {
  const { rig, authority, clock, begun } = await secured(t)
  const [silent, slow] = [await rig.dial(), await rig.dial()]
  slow.write(Buffer.from([0x16, 0x03, 0x01]))
  await until(() => begun() === 1 && rig.links.length === 2)
  const quick = await goSecure(t, await rig.dial(), { ca: readFileSync(authority.caFile) })
  // The handshake is over on the other side too.
  quick.write('quick')
  t.is(String((await once(quick, 'data'))[0]), 'quick')
  await clock.advance(1900)
  t.deepEqual(rig.endings, [])
  await clock.advance(200)
  t.is(await untilEnd(silent), 'hello\r\n-ERR \'tls.handshake_timeout\'\r\n')
  t.is(await untilEnd(slow), 'hello\r\n')
  await until(() => rig.gone.length === 2)
  t.deepEqual(rig.endings.filter(problem => problem !== undefined).map(({ code }) => code), ['tls.handshake_timeout', 'tls.handshake_timeout'])
  quick.write('still here')
  t.is(String((await once(quick, 'data'))[0]), 'still here')
})

tlsTest(titled('tls link: clients get the certificates of the file and no others, as of nats-server'), async t => {
  const { rig } = await secured(t)
  // Without the authority: what is wrong is told by what was sent.
  const secure = await goSecure(t, await rig.dial(), { rejectUnauthorized: false })
  t.is(String(secure.authorizationError), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
})

tlsTest(titled('tls link: what looks like a handshake and is none closes, and the log says why'), async t => {
  const { rig, gateLog } = await secured(t)
  const socket = await rig.dial()
  socket.write(Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x00, 0x20]), Buffer.alloc(0x20, 0xee)]))
  await until(() => rig.gone.length === 1)
  t.regex(rig.gone[0]?.message ?? '', /TLS handshake failed/)
  t.truthy(await gateLog.logged(/a TLS handshake failed/))
  const next = await rig.dial()
  t.is(String((await once(next, 'data'))[0]), 'hello\r\n')
})

tlsTest(titled('tls link: a client breaks off in the middle of its handshake, and nothing is left of it'), async t => {
  const { rig } = await secured(t)
  const socket = await rig.dial()
  await once(socket, 'data')
  socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]))
  socket.resetAndDestroy()
  await until(() => rig.gone.length === 1)
  t.pass()
})

tlsTest(titled('tls link: with verify a client needs a certificate of the authority'), async t => {
  const { rig, authority } = await secured(t, { verify: true })
  const trusted = authority.issue('client')
  const stranger = certificateAuthority(t).issue('client')
  const options = ({ certFile, keyFile }: { certFile: string; keyFile: string }): ConnectionOptions => ({ ca: readFileSync(authority.caFile), cert: readFileSync(certFile), key: readFileSync(keyFile) })
  const secure = await goSecure(t, await rig.dial(), options(trusted))
  secure.write('let in')
  t.is(String((await once(secure, 'data'))[0]), 'let in')
  for (const bad of [options(stranger), { ca: readFileSync(authority.caFile) }]) {
    const socket = await rig.dial()
    await once(socket, 'data')
    const refused = connectTls({ socket, host: '127.0.0.1', ...bad })
    refused.on('error', () => {})
    const heard: Buffer[] = []
    refused.on('data', (chunk: Buffer) => heard.push(chunk))
    refused.write('not let in')
    await new Promise(resolve => void refused.once('close', resolve))
    t.deepEqual(heard, [])
  }
  await until(() => rig.gone.length === 2)
})

tlsTest(titled('tls gate: other settings hold for who comes from then on, and not before they are taken over'), async t => {
  const { rig, gate, authority, settings } = await secured(t)
  const ca = readFileSync(authority.caFile)
  const other = certificateAuthority(t)
  const change = gate.prepare({ ...settings, ...authority.issue('next'), caFile: other.caFile, verify: true, isFirst: true })
  const before = await goSecure(t, await rig.dial(), { ca })
  t.is(before.getPeerCertificate().subject.CN, 'server')
  change()
  const { certFile, keyFile } = other.issue('client')
  const secure = connectTls({ socket: await rig.dial(), host: '127.0.0.1', ca, cert: readFileSync(certFile), key: readFileSync(keyFile) })
  t.teardown(() => secure.destroy())
  t.is(String((await once(secure, 'data'))[0]), 'hello\r\n')
  t.is(secure.getPeerCertificate().subject.CN, 'next')
  before.write('still here')
  t.is(String((await once(before, 'data'))[0]), 'still here')
})

tlsTest(titled('tls link: TLS 1.1 is not spoken, 1.2 is'), async t => {
  const { rig, authority } = await secured(t)
  const old = await rig.dial()
  await once(old, 'data')
  const refused = connectTls({ socket: old, host: '127.0.0.1', ca: readFileSync(authority.caFile), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' })
  await t.throwsAsync(once(refused, 'secureConnect'))
  const secure = await goSecure(t, await rig.dial(), { ca: readFileSync(authority.caFile), maxVersion: 'TLSv1.2' })
  t.is(secure.getProtocol(), 'TLSv1.2')
})

tlsTest(titled('tls link: where TLS is optional a client goes on in the clear, for as long as it likes; one that begins has its time'), async t => {
  const { rig, authority, clock, begun } = await secured(t, { isOptional: true })
  const plain = await rig.dial()
  plain.write('PING\r\n')
  let said = ''
  while (!said.endsWith('PING\r\n')) said += String((await once(plain, 'data'))[0])
  // From now on the first byte of a handshake is a byte like any other.
  plain.write(Buffer.from([0x16]))
  t.deepEqual((await once(plain, 'data'))[0], Buffer.from([0x16]))
  const silent = await rig.dial()
  const slow = await rig.dial()
  slow.write(Buffer.from([0x16, 0x03, 0x01]))
  await until(() => begun() === 1 && rig.links.length === 3)
  await clock.advance(2100)
  await until(() => rig.gone.length === 1)
  t.is(rig.endings[0]?.code, 'tls.handshake_timeout')
  t.is(String((await once(silent, 'data'))[0]), 'hello\r\n')
  const secure = await goSecure(t, await rig.dial(), { ca: readFileSync(authority.caFile) })
  secure.write('secure')
  t.is(String((await once(secure, 'data'))[0]), 'secure')
})

tlsTest(titled('tls link: where the handshake comes first, the greeting waits for it, and who is silent or in the clear hears nothing'), async t => {
  const { rig, authority, clock } = await secured(t, { isFirst: true })
  const secure = connectTls({ socket: await rig.dial(), host: '127.0.0.1', ca: readFileSync(authority.caFile) })
  t.teardown(() => secure.destroy())
  t.is(String((await once(secure, 'data'))[0]), 'hello\r\n')
  const [plain, silent] = [await rig.dial(), await rig.dial()]
  plain.write('CONNECT {}\r\n')
  const heard = Promise.all([plain, silent].map(socket => untilEnd(socket).catch(() => '')))
  await until(() => rig.links.length === 3 && rig.gone.length === 1)
  await clock.advance(2100)
  t.deepEqual(await heard, ['', ''])
  t.deepEqual(rig.endings.map(problem => problem?.code), ['tls.handshake_timeout'])
})

tlsTest(titled('tls gate: certificates are read again on request, for who comes from then on; the old ones stay where the new cannot be used'), async t => {
  const { rig, gate, authority, settings } = await secured(t)
  const ca = readFileSync(authority.caFile)
  const before = await goSecure(t, await rig.dial(), { ca })
  t.is(before.getPeerCertificate().subject.CN, 'server')
  const next = authority.issue('next')
  for (const [from, to] of [[next.certFile, settings.certFile], [next.keyFile, settings.keyFile]] as const) writeFileSync(to, readFileSync(from))
  gate.prepare()()
  t.is((await goSecure(t, await rig.dial(), { ca })).getPeerCertificate().subject.CN, 'next')
  before.write('still here')
  t.is(String((await once(before, 'data'))[0]), 'still here')
  writeFileSync(settings.keyFile, readFileSync(authority.issue('third').keyFile))
  t.regex(t.throws(() => gate.prepare(), { code: 'config.invalid' }).message, /the files of nats\.tls cannot be used: .*key/)
  writeFileSync(settings.certFile, 'no certificate')
  t.throws(() => gate.prepare(), { code: 'config.invalid' })
  t.is((await goSecure(t, await rig.dial(), { ca })).getPeerCertificate().subject.CN, 'next')
})

test('tls gate: files that are not there are named', t => {
  const deadlines = new Deadlines(new FakeClock(), { onError: () => {} })
  const settings: NatsTlsSettings = { certFile: '/nowhere/cert.pem', keyFile: '/nowhere/key.pem', caFile: undefined, verify: false, handshakeTimeoutMs: 1000 }
  t.regex(t.throws(() => new TlsGate({ settings, block: 'nats.tls', deadlines, log: recordedLog() }), { code: 'config.invalid' }).message, /nats\.tls.*\/nowhere\/cert\.pem/)
})
