import test from 'ava'
import { fromYaml, linesOf } from '../support/config.ts'

test('config: a port is required when it was given', async t => {
  t.false((await fromYaml('gateway: {host: 127.0.0.1}')).settings.gateway.isPortRequired)
  t.true((await fromYaml('gateway: {port: 18789}')).settings.gateway.isPortRequired)
})

test('config: what only looks like an address, a name or an origin is refused', async t => {
  for (const host of ['127.1', '0177.0.0.1', '0x7f.0.0.1', '2130706433', '127.0.0.1:80', 'a b', '-x', '', 'http://x', '[::1]']) {
    t.is((await linesOf(t, fromYaml(`gateway: {host: "${host}"}`))).length, 1, host)
    t.is((await linesOf(t, fromYaml(`gateway: {allowedHosts: ["${host}"]}`))).length, 1, host)
  }
  for (const origin of ['example.org', 'https://example.org/', 'https://example.org/path', 'https://EXAMPLE.org', 'ws://example.org', 'null', '*', 'https://user@example.org']) {
    t.is((await linesOf(t, fromYaml(`gateway: {allowedOrigins: ["${origin}"]}`))).length, 1, origin)
  }
  for (const host of ['127.0.0.1', '::1', '0.0.0.0', 'localhost', 'box-1.lan']) t.is((await fromYaml(`gateway: {host: "${host}"}`)).settings.gateway.host, host)
})
