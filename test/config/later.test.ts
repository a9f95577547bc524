import test from 'ava'
import { keyRows } from '../../config/key-list.ts'
import { laterGroups } from '../../config/later.ts'
import { fromJson, fromYaml, linesOf } from '../support/config.ts'

test('config: every key of a later feature is refused by name, with the feature', async t => {
  for (const { feature, keys } of laterGroups)
    for (const [path] of keys) {
      const names = path.split('.').map(name => (name === '*' ? 'some' : name))
      const value = names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), 1)
      const lines = await linesOf(t, fromJson(JSON.stringify(value)))
      t.is(lines.length, 1, path)
      t.true(lines[0]!.endsWith(`does not work in this version: it comes with ${feature}; remove it`), lines[0])
      // Named as far down as the keys below differ.
      t.true(names.join('.').startsWith(/^\S+ (\S+) does/.exec(lines[0]!)![1]!), lines[0])
    }
})

test('config: a block of one feature is refused once, one of several features key by key', async t => {
  t.deepEqual(await linesOf(t, fromYaml('nodes:\n  types:\n    mobile: [ios]\ngateway:\n  port: 18789\n  tls: {enabled: true, cert: x}\n  prt: 1')), [
    '1:1: nodes does not work in this version: it comes with nodes; remove it',
    '6:3: gateway.tls does not work in this version: it comes with TLS on the gateway; remove it',
    '7:3: "prt" is not a key of gateway; did you mean "port"?',
  ])
})

test('config: an empty block of several features is refused with all of them', async t => {
  t.deepEqual(await linesOf(t, fromYaml('security: {transport: {}}')), ['1:12: security.transport does not work in this version: it comes with TLS on the gateway, encryption; remove it'])
})

test('config: values that do not work yet are refused with the reason and what works', async t => {
  t.deepEqual(await linesOf(t, fromYaml('ipc:\n  protocol: xpc\n  server: {protocol: pipe}\n  performance: {bufferSize: 1kb}')), [
    '2:13: ipc.protocol is "xpc", which exists on macOS only; allowed: "unix"',
    '3:22: ipc.server.protocol is "pipe", which comes with named pipes; allowed: "unix"',
  ])
})

test('config: the value alone is refused, not the same word elsewhere', async t => {
  t.is((await fromYaml('agents: [{name: queue, command: pipe, args: [xpc]}]')).settings.agents[0]?.name, 'queue')
})

test('config: the state of connections is in one place', async t => {
  t.deepEqual(await linesOf(t, fromYaml('gateway: {constraints: {centralizedState: false}}')), [
    '1:43: gateway.constraints.centralizedState is false, which would spread the state of connections over places that can differ; allowed: true',
  ])
})

test('config: no key both works and comes later', t => {
  const paths = keyRows().map(row => row.path)
  t.deepEqual(paths.filter((path, i) => paths.indexOf(path) !== i), [])
})

test('config: the blocks of the gateway guide are all known', async t => {
  const blocks = [
    { gateway: { singleton: true, constraints: { onePerHost: true, oneWhatsAppSession: true, centralizedState: true } } },
    { gateway: { pairing: { mode: 'strict', policies: { localhost: { autoApprove: true, requireToken: false }, lan: { tokenLifetime: '30d' }, wan: { mfa: true } } } } },
    { nodes: { types: { mobile: ['ios', 'android'], headless: ['server'] } } },
    { gateway: { port: 18_789, host: '0.0.0.0', tls: { enabled: true, cert: 'c', key: 'k' }, clustering: { enabled: true, mode: 'active_active', nodes: [], consensus: 'raft', electionTimeout: '3s' }, health: { checkInterval: '30s', failureThreshold: 3, successThreshold: 2 } } },
    { monitoring: { alerts: { gateway_down: { condition: 'up == 0', severity: 'critical', channels: ['slack'] } } } },
    { connections: { pool: { maxSize: 100, minSize: 10, idleTimeout: '5m', connectionTimeout: '10s', testOnBorrow: true }, perChannel: { whatsapp: { maxConnections: 5, reconnectInterval: '30s' } } } },
    { memory: { limits: { maxRss: '2gb', maxHeap: '1gb', gcInterval: '30s' }, caching: { sessionCache: { enabled: true, maxSize: '100mb', ttl: '5m' } } } },
    { security: { transport: { tls: { minVersion: 'TLSv1.3', ciphers: [], certificateRotation: { enabled: true, interval: '90d', overlap: '7d' } }, encryption: { message: 'aes-256-gcm', session: 'chacha20-poly1305', storage: 'aes-256-gcm' } } } },
    { access: { ipWhitelist: ['10.0.0.0/8'], rateLimiting: { global: '1000rpm', perConnection: '100rpm', perIp: '500rpm' }, authentication: { required: true, methods: ['token'], mfa: { enabled: true, requiredFor: ['admin'] } } } },
  ]
  for (const block of blocks) {
    const lines = await linesOf(t, fromJson(JSON.stringify(block)))
    t.deepEqual(lines.filter(line => !line.includes('it comes with')), [], Object.keys(block).join())
  }
  const nodeCapabilities = { canvas: { providers: ['node:iphone', 'node:android', 'host'], fallback: 'host' }, tts: { providers: ['node:macos', 'node:ios', 'cloud'], preference: 'local_first' }, sensors: { providers: ['node:ios', 'node:android'], required: false } }
  t.is((await fromJson(JSON.stringify({ gateway: { nodeCapabilities } }))).settings.registry.capabilities['sensors']?.required, false)
  const network = { tcp: { keepAlive: true, keepAliveInterval: '30s', keepAliveProbes: 3 }, websocket: { pingInterval: '30s', pingTimeout: '10s', maxFrameSize: '16kb', compression: true }, dns: { cache: true, cacheTtl: '5m', prefetch: true } }
  t.is((await fromJson(JSON.stringify({ network }))).settings.network.websocket.maxFrameBytes, 16_384)
})
