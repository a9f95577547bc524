// Requests that are wrong, forged or ambiguous at the gateway's port: each is answered by name or cut, and none opens a WebSocket.

import test from 'ava'
import { Siege } from '../support/siege.ts'

const UPGRADE = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

/** Statuses of the answers, in order. */
function statuses(answer: string): number[] {
  return [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status))
}

/** The error that a refusal says. */
function codeOf(answer: string): string {
  return /"code":"([a-z._]+)"/.exec(answer)?.[1] ?? 'none'
}

test('gateway abuse: only names and addresses of this machine may be asked for, whatever they look like', async t => {
  const siege = await Siege.begin(t)
  const ask = async (host: string): Promise<number | undefined> => statuses(await siege.http(`GET / HTTP/1.1\r\nHost: ${host}\r\n${UPGRADE}\r\n`))[0]
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '[::1]', `127.0.0.1:${siege.port}`]) t.is(await ask(host), 101, host)
  const forged = [
    '127.evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', 'evil.example', 'evil.localhost', 'localhost.', '127.0.0.1.',
    '0177.0.0.1', '0x7f.0.0.1', '0x7f000001', '2130706433', '127.1', '127.0.1', '127.000.000.001', '0.0.0.0', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', 'xn--127.0.0.1', 'a'.repeat(5000),
  ]
  for (const host of forged) t.is(await ask(host), 403, host)
  for (const host of ['', '::1', '[::1', '127.0.0.1@evil.example', 'evil.example@127.0.0.1', '127.0.0.1/', '127.0.0.1,evil.example', '127.0.0.1 evil.example', '127.0.0.1:', '127.0.0.1:1:1', '127.0.0.1:x', '[fe80::1%25lo]', '１２７.0.0.1']) t.is(await ask(host), 400, host)
  await siege.holds()
})

test('gateway abuse: pages of other origins are refused, however close their origin comes', async t => {
  const siege = await Siege.begin(t)
  const own = `http://${siege.host}`
  const ask = async (...origins: string[]): Promise<number | undefined> => statuses(await siege.http(siege.request(origins.map(origin => `Origin: ${origin}`))))[0]
  t.is(await ask(own), 101)
  const foreign = [
    'null', '', 'http://evil.example', 'http://127.evil.example', `${own}.evil.example`, `${own}/`, `${own}@evil.example`, `https://${siege.host}`, 'http://127.0.0.1', 'http://localhost', `http://localhost:${siege.port}`, `http://[::1]:${siege.port}`,
    `http://user@${siege.host}`, `${own} http://evil.example`, `${own},http://evil.example`, 'file://', 'chrome-extension://abc', `ws://${siege.host}`, `http://0x7f.0.0.1:${siege.port}`, 'x'.repeat(10_000),
  ]
  for (const origin of foreign) t.is(await ask(origin), 403, origin)
  for (const pair of [[own, 'http://evil.example'], ['http://evil.example', own], [own, own]]) t.is(await ask(...pair), 400, pair.join(' and '))
  // A page that made its own name point here is refused by that name, whatever it says of where it comes from.
  t.is(statuses(await siege.http(`GET / HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n${UPGRADE}\r\n`))[0], 403)
  await siege.holds()
})

test('gateway abuse: headers that proxies set are believed from nobody', async t => {
  const siege = await Siege.begin(t)
  const forwarded = ['X-Forwarded-Host: 127.0.0.1', 'X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Proto: https', 'X-Forwarded-Server: localhost', 'X-Real-IP: 127.0.0.1', 'X-Original-URL: /', 'X-Rewrite-URL: /', 'X-Original-Host: localhost', 'Forwarded: for=127.0.0.1;host=127.0.0.1;proto=http', 'True-Client-IP: 127.0.0.1', 'CF-Connecting-IP: 127.0.0.1', 'Via: 1.1 localhost']
  const evil = await siege.http(`GET / HTTP/1.1\r\nHost: evil.example\r\n${forwarded.join('\r\n')}\r\n${UPGRADE}\r\n`)
  t.deepEqual([statuses(evil), codeOf(evil)], [[403], 'gateway.forbidden'])
  t.is(statuses(await siege.http(siege.request(['Origin: http://evil.example', ...forwarded])))[0], 403)
  // Nor do they change who somebody is: the connection has the address of its socket.
  const guest = await siege.guest({ deviceId: 'forwarded' }, ['X-Forwarded-For: 8.8.8.8', 'Forwarded: for=8.8.8.8'])
  const { connections } = await siege.bystander.call('connections', { id: 'forwarded' })
  t.regex(connections[0]!.address, /^127\.0\.0\.1:\d+$/)
  guest.socket.destroy()
  await siege.holds()
})

test('gateway abuse: what could be read as one request by some and as two by others opens nothing', async t => {
  const siege = await Siege.begin(t)
  const host = `Host: ${siege.host}\r\n`
  const smuggled = `GET / HTTP/1.1\r\n${host}${UPGRADE}\r\n`
  const shapes: Readonly<Record<string, string>> = {
    'length and chunks': `POST / HTTP/1.1\r\n${host}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`,
    'chunks and length': `GET / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${smuggled}0\r\n\r\n`,
    'two encodings': `GET / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${smuggled}`,
    'an encoding of no name': `GET / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
    'an encoding behind a tab': `GET / HTTP/1.1\r\n${host}Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n${smuggled}`,
    'two lengths': `GET / HTTP/1.1\r\n${host}Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello${smuggled}`,
    'a negative length': `GET / HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n${smuggled}`,
    'a length with a sign': `GET / HTTP/1.1\r\n${host}Content-Length: +5\r\n\r\nhello${smuggled}`,
    'a length beyond all numbers': `GET / HTTP/1.1\r\n${host}Content-Length: 99999999999999999999\r\n\r\n${smuggled}`,
    'a space before the colon': `GET / HTTP/1.1\r\nHost : ${siege.host}\r\n${UPGRADE}\r\n`,
    'a folded line': `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n evil.example\r\n${UPGRADE}\r\n`,
    'a bare line feed': `GET / HTTP/1.1\nHost: ${siege.host}\n${UPGRADE.replaceAll('\r', '')}\n`,
    'a bare carriage return': `GET / HTTP/1.1\r\nHost: 127.0.0.1\rX: y\r\n${UPGRADE}\r\n`,
    'a zero byte': `GET / HTTP/1.1\r\nHost: 127.0.0.1\0.evil.example\r\n${UPGRADE}\r\n`,
    'two hosts': `GET / HTTP/1.1\r\n${host}Host: evil.example\r\n${UPGRADE}\r\n`,
    'two keys': `GET / HTTP/1.1\r\n${host}${UPGRADE}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    'two versions': `GET / HTTP/1.1\r\n${host}${UPGRADE}Sec-WebSocket-Version: 8\r\n\r\n`,
    'no host': `GET / HTTP/1.1\r\n${UPGRADE}\r\n`,
    'an older HTTP': `GET / HTTP/1.0\r\n${host}${UPGRADE}\r\n`,
    'a later HTTP': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'no HTTP': '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
    'a target with a host': `GET http://evil.example/ HTTP/1.1\r\n${host}${UPGRADE}\r\n`,
    'a target with our host, asked of another': `GET http://${siege.host}/ HTTP/1.1\r\nHost: evil.example\r\n${UPGRADE}\r\n`,
    'a way for a proxy': `CONNECT ${siege.host} HTTP/1.1\r\n${host}\r\n`,
    'an upgrade with a body': `GET / HTTP/1.1\r\n${host}${UPGRADE}Content-Length: 5\r\n\r\nhello`,
    'an upgrade with chunks': `GET / HTTP/1.1\r\n${host}${UPGRADE}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'an upgrade to HTTP/2': `GET / HTTP/1.1\r\n${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
    'an upgrade by POST': `POST / HTTP/1.1\r\n${host}${UPGRADE}Content-Length: 0\r\n\r\n`,
    'a credential in the URL': `GET /?token=x HTTP/1.1\r\n${host}${UPGRADE}\r\n`,
    'TRACE': `TRACE / HTTP/1.1\r\n${host}\r\n`,
    'OPTIONS': `OPTIONS * HTTP/1.1\r\n${host}Origin: http://${siege.host}\r\nAccess-Control-Request-Method: POST\r\n\r\n`,
    ...Object.fromEntries(['//', '/./', '/x/..', '/%2f', '/%00', '/#', '*', '/\\', '/..%2f..%2fetc%2fpasswd', '/index.html'].map(path => [`the path ${path}`, `GET ${path} HTTP/1.1\r\n${host}${UPGRADE}\r\n`])),
  }
  for (const [what, request] of Object.entries(shapes)) {
    const answer = await siege.http(request)
    t.true(statuses(answer).every(status => status >= 400 && status < 500), `${what}: ${answer.slice(0, 200)}`)
    t.is(statuses(answer).length, 1, `${what}: ${answer.slice(0, 200)}`)
    t.true(codeOf(answer).startsWith('gateway.'), `${what}: ${answer}`)
    t.notRegex(answer, /Access-Control-/i)
  }
  await siege.holds()
})

test('gateway abuse: a request behind another one on its socket gets nothing, an upgrade least of all', async t => {
  const siege = await Siege.begin(t)
  const plain = `GET / HTTP/1.1\r\nHost: ${siege.host}\r\n\r\n`
  for (const second of [siege.request(), plain, `GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n`, siege.request().repeat(50)]) {
    const answer = await siege.http(plain + second)
    t.deepEqual(statuses(answer), [200], answer)
    t.true(answer.endsWith('}\n'))
  }
  await siege.holds()
})

test('gateway abuse: headers are bounded in bytes and in number', async t => {
  const siege = await Siege.begin(t)
  const get = (lines: string): string => `GET / HTTP/1.1\r\nHost: ${siege.host}\r\n${lines}\r\n`
  t.is(statuses(await siege.http(get(`X: ${'a'.repeat(17_000)}\r\n`)))[0], 431)
  t.is(statuses(await siege.http(`GET /${'a'.repeat(17_000)} HTTP/1.1\r\nHost: ${siege.host}\r\n\r\n`))[0], 431)
  t.is(statuses(await siege.http(get('A: b\r\n'.repeat(101))))[0], 431)
  t.is(statuses(await siege.http(get(`Cookie: ${'c'.repeat(8000)}\r\n`)))[0], 200)
  // One header that never ends: cut at the bound, not at the end of it.
  const endless = await siege.socket()
  let written = 0
  const closed = new Promise<void>(resolve => endless.on('close', () => resolve()))
  endless.on('data', () => {})
  endless.write(`GET / HTTP/1.1\r\nHost: ${siege.host}\r\nX: `)
  const pour = (): void => {
    while (!endless.destroyed && endless.write('a'.repeat(16_384))) written += 16_384
  }
  endless.on('drain', pour)
  pour()
  await closed
  t.true(written < 64 * 1024 * 1024, `${written} bytes were taken`)
  await siege.holds()
})

test('gateway abuse: who is refused stands in the audit log, and a storm of them does not fill it', async t => {
  const siege = await Siege.begin(t)
  for (let i = 0; i < 40; i++) await siege.http(siege.request(['Origin: http://evil.example']))
  await siege.broker.end('SIGTERM')
  const { stdout } = await siege.broker.callboard.run('logs', '--audit', '--json', '--grep', 'refused')
  const refused = stdout.trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
  t.is(refused.length, 11)
  t.like(refused[0], { who: '127.0.0.1', code: 'gateway.forbidden' })
  t.like(refused[10], { who: '127.0.0.1', count: 30, codes: 'gateway.forbidden 30' })
})
