import test from 'ava'
import { parseHost } from '../../http/host-name.ts'
import { OriginCheck } from '../../http/origin-check.ts'
import { HttpRefusal } from '../../http/refusal.ts'

/** The status with which a request is refused, 0 when it is not. */
function verdict(check: OriginCheck, headers: { host?: string; origin?: string }, localAddress = '127.0.0.1'): number {
  try {
    check.check(headers, localAddress)
    return 0
  } catch (error) {
    if (error instanceof HttpRefusal) return error.status
    throw error
  }
}

const rules = { host: '127.0.0.1', allowedHosts: [], allowedOrigins: [] }

test('origin check: the machine itself is asked for by its own names and addresses', t => {
  const check = new OriginCheck(rules)
  for (const host of ['localhost', 'LOCALHOST:18789', '127.0.0.1', '127.0.0.1:18789', '127.1.2.3:1', '[::1]', '[::1]:18789']) t.is(verdict(check, { host }), 0, host)
})

test('origin check: names that a page can point here are refused, and what only looks like an address', t => {
  const check = new OriginCheck(rules)
  for (const host of ['evil.example', '127.evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', 'localhost.', '127.1', '127.0.1', '0177.0.0.1', '0x7f.0.0.1', '2130706433', '10.0.0.1', '0.0.0.0', '[::]', '[::ffff:7f00:1]', '1.2.3.4']) {
    t.is(verdict(check, { host }), 403, host)
  }
  for (const host of ['', ' ', 'a b', 'localhost:', 'localhost:port', 'localhost:123456', 'user@localhost', '::1', '[::1', '[localhost]', 'localhost/', 'localhost,evil', 'évil']) t.is(verdict(check, { host }), 400, host)
  t.is(verdict(check, {}), 400)
})

test('origin check: the address that a socket came to, the configured host and allowed hosts are names of the gateway', t => {
  const check = new OriginCheck({ ...rules, host: 'gate.lan', allowedHosts: ['Box.LAN', '10.9.8.7'] })
  t.is(verdict(check, { host: 'gate.lan:18789' }), 0)
  t.is(verdict(check, { host: 'box.lan' }), 0)
  t.is(verdict(check, { host: '10.9.8.7:80' }), 0)
  t.is(verdict(check, { host: '192.168.1.5:18789' }, '192.168.1.5'), 0)
  t.is(verdict(check, { host: '192.168.1.5:18789' }, '::ffff:192.168.1.5'), 0)
  t.is(verdict(check, { host: '192.168.1.6:18789' }, '192.168.1.5'), 403)
})

test('origin check: pages of the gateway itself and of allowed origins may connect', t => {
  const check = new OriginCheck({ ...rules, allowedOrigins: ['https://console.example'] })
  const host = '127.0.0.1:18789'
  t.is(verdict(check, { host }), 0)
  t.is(verdict(check, { host, origin: 'http://127.0.0.1:18789' }), 0)
  t.is(verdict(check, { host, origin: 'https://console.example' }), 0)
  for (const origin of ['null', '', 'http://localhost:18789', 'http://127.0.0.1', 'http://127.0.0.1:18790', 'https://127.0.0.1:18789', 'http://console.example', 'https://console.example:8443', 'https://console.example.evil.example', 'https://evil.example', 'file://', 'chrome-extension://abc']) {
    t.is(verdict(check, { host, origin }), 403, origin)
  }
})

test('host names: taken apart as headers write them', t => {
  t.deepEqual(parseHost('Box.lan:80'), { name: 'box.lan', port: '80' })
  t.deepEqual(parseHost('[FE80::1]:80'), { name: 'fe80::1', port: '80' })
  t.is(parseHost('[1.2.3.4]'), undefined)
})
