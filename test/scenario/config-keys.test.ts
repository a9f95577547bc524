// Every key that works, in a broker that has it and in one that has not: each must make the difference that it is for.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { homePaths } from '../../broker/ground/home.ts'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { keyRows } from '../../config/key-list.ts'
import { startBroker, startBrokerProcess, type LocalBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { probeLandings } from '../support/probe-landings.ts'
import { queueLandings } from '../support/queue-landings.ts'
import { registryLandings } from '../support/registry-landings.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024

interface Case {
  readonly keys: readonly string[]
  readonly config: object
  /** What can be seen of the keys. It must differ from what is seen without them. */
  readonly see: (broker: LocalBroker, t: ExecutionContext) => Promise<unknown>
  readonly without: unknown
  readonly with: unknown
}

const limits = (keys: object): object => ({ ipc: { limits: keys } })
const welcomed = (member: 'limits' | 'retry' | 'heartbeatMs') => async (broker: LocalBroker): Promise<unknown> => (await broker.native({ heartbeatMs: 100 })).welcome[member]
const script = join(import.meta.dirname, '../support/obedient-agent.ts')
const agent = (more: object): object => ({ agents: [{ name: 'lamp', command: 'node', args: [script, 'first'], backoff: { initial: '1ms', max: '1ms' }, ...more }] })

/** Bytes that wait for a receiver that does not read, at most, while 24 MiB are sent to it. */
async function mostPending(broker: LocalBroker): Promise<number> {
  const [publisher, stuck, watcher] = await Promise.all([broker.native(), broker.native({ client: 'stuck' }), broker.connect()])
  await stuck.subscribe(1, 'flood')
  stuck.socket.pause()
  for (let i = 0; i < 384; i++) publisher.write(encodeFrame({ kind: Kind.publish, id: 100 + i, subject: 'flood', payload: new Uint8Array(64 * 1024) }))
  let most = 0
  for (let isThere = true; isThere; ) {
    const { connections } = await watcher.call('connections', { id: 'stuck' })
    isThere = connections.some(({ phase }) => phase === 'run')
    most = Math.max(most, ...connections.map(({ out }) => out.pendingBytes))
  }
  return most
}

const cases: readonly Case[] = [
  { keys: ['ipc.enabled'], config: { ipc: { enabled: false } }, see: broker => Promise.resolve(existsSync(broker.socket)), without: true, with: false },
  { keys: ['ipc.timeout'], config: { ipc: { timeout: '40ms' } }, see: async broker => ((await welcomed('limits')(broker)) as { requestTimeoutMs: number }).requestTimeoutMs, without: 5000, with: 40 },
  {
    keys: ['ipc.performance.maxMessageSize'],
    config: { ipc: { performance: { maxMessageSize: '1kb' } } },
    see: async broker => errorCode((await broker.connect()).publish('a', new Uint8Array(20_000), { receipt: true })),
    without: 'resolved',
    with: 'frame.too_large',
  },
  { keys: ['ipc.performance.keepAlive'], config: { ipc: { performance: { keepAlive: false } } }, see: welcomed('heartbeatMs'), without: 30_000, with: 0 },
  {
    keys: ['ipc.limits.heartbeat'],
    config: limits({ heartbeat: '100ms' }),
    see: async broker => ((await welcomed('heartbeatMs')(broker)) === 100 ? (await broker.native({ heartbeatMs: 100 })).ending() : 'not within this test'),
    without: 'not within this test',
    with: 'connection.stale',
  },
  {
    keys: ['ipc.limits.maxSubscriptions'],
    config: limits({ maxSubscriptions: 2 }),
    see: async broker => {
      const peer = await broker.native()
      await peer.subscribe(1, 'a')
      await peer.subscribe(2, 'b')
      peer.control(Kind.subscribe, { pattern: 'c' }, { ref: 3 })
      const frame = await peer.next()
      return frame.kind
    },
    without: Kind.ok,
    with: Kind.error,
  },
  {
    keys: ['ipc.limits.maxOpenRequests'],
    config: limits({ maxOpenRequests: 2 }),
    see: async broker => {
      const [asker, silent] = await Promise.all([broker.native(), broker.native()])
      await silent.subscribe(1, 'work')
      for (let i = 0; i < 3; i++) asker.request('work', i, { flags: Flag.receipt })
      const kinds: number[] = []
      for (let i = 0; i < 3; i++) kinds.push((await asker.next()).kind)
      return kinds.at(-1) === Kind.receipt && kinds.every(kind => kind === Kind.receipt)
    },
    without: true,
    with: false,
  },
  { keys: ['ipc.limits.maxPendingBytes'], config: limits({ maxPendingBytes: '4mb' }), see: async broker => (await mostPending(broker)) <= 5 * MIB, without: false, with: true },
  {
    keys: ['ipc.limits.stallTimeout'],
    config: limits({ stallTimeout: '17ms' }),
    see: async broker => {
      await mostPending(broker)
      const { text } = await broker.log.logged(/slow_consumer/)
      return /for (\d+) ms/.exec(text)?.[1]
    },
    without: '200',
    with: '17',
  },
  {
    keys: ['ipc.retry.enabled', 'ipc.retry.maxRetries', 'ipc.retry.retryDelay', 'ipc.retry.backoffMultiplier'],
    config: { ipc: { retry: { enabled: false, maxRetries: 7, retryDelay: '20ms', backoffMultiplier: 1.5 } } },
    see: welcomed('retry'),
    without: { enabled: true, maxRetries: 3, retryDelayMs: 1000, backoffMultiplier: 2 },
    with: { enabled: false, maxRetries: 7, retryDelayMs: 20, backoffMultiplier: 1.5 },
  },
  {
    keys: ['recorder.entries'],
    config: { recorder: { entries: 1024 } },
    see: async broker => {
      const client = await broker.connect()
      for (let i = 0; i < 1500; i++) await client.publish(`run.${i % 2}`, i)
      const { from, to } = await client.call('trace.show', { limit: 1 })
      return Math.min(to - from, 1500)
    },
    without: 1500,
    with: 1024,
  },
  {
    keys: ['channels', 'channels[].name', 'channels[].mode'],
    config: { channels: [{ name: 'loud', mode: 'broadcast' }] },
    see: async broker => {
      const [client] = await Promise.all([broker.connect(), broker.native()])
      return [(await client.channels.list()).length, await client.publish('loud', 1, { receipt: true })]
    },
    without: [5, { receivers: 0 }],
    with: [6, { receivers: 2 }],
  },
]

for (const { keys, config, see, without, with: expected } of cases) {
  test(`config: ${keys.join(', ')}`, async t => {
    const [plain, configured] = await Promise.all([startBroker(t, { isHurried: true }), startBroker(t, { config, isHurried: true })])
    t.deepEqual([await see(plain, t), await see(configured, t)], [without, expected])
  })
}

test('config: ipc.limits.handshakeTimeout ends a client that says nothing', async t => {
  const broker = await startBroker(t, { config: limits({ handshakeTimeout: '100ms' }) })
  const peer = await broker.openNative()
  t.is(await peer.ending(), 'cut')
  t.regex((await broker.log.logged(/handshake\.timeout/)).text, /100 ms/)
})

test('config: ipc.socket and ipc.server.socket say where it listens', async t => {
  for (const keys of [(path: string) => ({ socket: path }), (path: string) => ({ server: { socket: path } })]) {
    const path = join(temporaryDirectory(t), 'sub', 'own.sock')
    const broker = await startBroker(t, { config: { ipc: keys(path) } })
    t.is(broker.socket, path)
    t.is((await (await broker.connect()).call('status')).socket, path)
    t.false(existsSync(homePaths(broker.home).socket))
  }
})

test('config: of an agent, arguments, environment, directory and backoff reach its process', async t => {
  const directory = temporaryDirectory(t)
  const see = async (more: object): Promise<unknown[]> => {
    const broker = await startBroker(t, { config: agent(more) })
    const client = await broker.connect()
    const { text } = await broker.log.logged(/^ready/)
    await until(async () => (await errorCode(client.request('$CB.to.agent.lamp', { do: 'pid' }))) === 'resolved')
    const ask = async (order: object): Promise<unknown> => (await client.request('$CB.to.agent.lamp', order)).value
    return [text.split(' ')[2], (await ask({ do: 'where' })) === directory, await ask({ do: 'variable', text: 'COLOUR' }), await ask({ do: 'variable', text: 'CALLBOARD_AGENT' })]
  }
  t.deepEqual(await see({}), ['first', false, null, 'lamp'])
  t.deepEqual(await see({ args: [script, 'second'], cwd: directory, env: { COLOUR: 'green' } }), ['second', true, 'green', 'lamp'])
})

test('config: the backoff of an agent is waited', async t => {
  // One that is at once gone, with a wait that does not end within this test, and one without.
  const failing = { command: 'false', args: [] as string[] }
  const [patient, quick] = await Promise.all([
    startBroker(t, { config: agent({ ...failing, backoff: { initial: '1h', max: '1h', multiplier: 10, jitter: 0 } }) }),
    startBroker(t, { config: agent({ ...failing, backoff: { initial: '1ms', max: '2ms', multiplier: 1, jitter: 1 } }) }),
  ])
  const [waiting, trying] = await Promise.all([patient.connect(), quick.connect()])
  await until(async () => (await trying.call('agents')).agents[0]!.incarnation >= 4)
  t.is((await waiting.call('agents')).agents[0]!.incarnation, 1)
})

test('config: log.level decides what is written', async t => {
  const written = async (level: string): Promise<string> => {
    const broker = await startBrokerProcess(t, { config: { log: { level } } })
    await broker.end('SIGTERM')
    return readFileSync(homePaths(broker.home).log, 'utf8')
  }
  t.regex(await written('info'), /"msg":"started"/)
  t.notRegex(await written('error'), /"msg":"started"/)
})

/** Keys that other stories hold, and what they are. */
const elsewhere: Readonly<Record<string, readonly string[]>> = {
  'authentication.test.ts': ['ipc.server.maxConnections', 'ipc.security.requireAuth', 'ipc.security.allowedProcesses', 'ipc.security.processes', 'ipc.security.processes.*.executable', 'ipc.security.processes.*.script', 'ipc.security.validateSignature'],
  'agents.test.ts': ['agents', 'agents[].name', 'agents[].command', 'agents[].restart', 'agents[].shutdown'],
  'fleet.test.ts': ['agents[].instances'],
  'fleet-groups.test.ts': ['agents[].dependsOn', 'agents[].agentGroup', 'agentGroups', 'agentGroups[].name', 'agentGroups[].strategy', 'agentGroups[].intensity', 'agentGroups[].period'],
  'fleet-rolling.test.ts': ['agents[].version', 'agents[].startTimeout'],
  'principals.test.ts': ['principals', 'principals[].name', 'principals[].roles', 'principals[].token', 'principals[].tokenFile', 'principals[].publish.allow', 'principals[].publish.deny', 'principals[].subscribe.allow', 'principals[].subscribe.deny'],
  'telemetry-keys.test.ts': ['endpoint', 'headers', 'headersFile', 'traces', 'metrics', 'logs', 'exportInterval', 'serviceName'].map(key => `telemetry.${key}`),
  'metrics.test.ts': ['telemetry.prometheus', 'telemetry.prometheusAccess'],
  'audit.test.ts': ['audit.enabled', 'audit.maxFileSize', 'audit.keepFiles'],
  'agent-launch.test.ts': ['secrets', 'logLevel', 'schedule', 'timeZone', 'user', 'group'].map(key => `agents[].${key}`),
  'sandbox-groups.test.ts': ['agents[].sandbox.controlGroups'],
  'sandbox-attack.test.ts': ['level', 'files.read', 'files.write', 'network', 'memory', 'cpu', 'cpuTime', 'processes', 'openFiles', 'fileSize', 'allowWeaker'].map(key => `agents[].sandbox.${key}`),
  'this one': ['ipc.limits.handshakeTimeout', 'ipc.socket', 'ipc.server.socket', 'agents[].args', 'agents[].env', 'agents[].cwd', 'agents[].backoff.initial', 'agents[].backoff.max', 'agents[].backoff.multiplier', 'agents[].backoff.jitter', 'log.level'],
  'nothing to see: one value works so far': ['$schema', 'ipc.protocol', 'ipc.server.protocol', 'gateway.constraints.centralizedState'],
  'flow-control.test.ts': [...['overflow', 'maxPendingMessages', 'sessionTtl', 'sessionBytes', 'creditBytes'].map(key => `ipc.limits.${key}`), ...['overflow', 'maxPendingMessages', 'maxPendingBytes'].map(key => `channels[].${key}`)],
  'pool.test.ts': ['ipc.performance.compressionEnabled', 'pool.threads', 'pool.signatureAbove', 'pool.compressAbove'],
  'gateway-keys.test.ts': [
    ...['enabled', 'host', 'port', 'singleton', 'constraints.onePerHost', 'allowedOrigins', 'allowedHosts', 'limits.maxUnauthenticatedPerAddress', 'limits.maxUnauthenticated', 'limits.maxConnectionsPerAddress'].map(key => `gateway.${key}`),
    ...['tcp.keepAlive', 'tcp.keepAliveInterval', 'tcp.keepAliveProbes', 'websocket.pingInterval', 'websocket.pingTimeout', 'websocket.maxFrameSize', 'websocket.compression'].map(key => `network.${key}`),
    'pool.deflateAbove',
  ],
  'grpc-keys.test.ts': ['', '.tcp', '.host', '.port', '.socket', '.maxConnections', '.maxCalls', '.reflection'].map(key => `grpc${key}`),
  'nats-keys.test.ts': ['enabled', 'host', 'port', 'serverName', 'maxPayload', 'maxControlLine', 'maxPending', 'maxSubscriptions', 'pingInterval', 'maxPingsOut', 'authTimeout', 'noAuthUser', 'requestTimeout', 'monitor', 'monitor.host', 'monitor.port'].map(key => `nats.${key}`),
  'nats-credentials.test.ts': ['principals[].nkey', 'nats.lameDuck'],
  'nats-websocket.test.ts': ['nats.maxConnections', ...['', '.host', '.port', '.tls', '.tls.cert', '.tls.key', '.tls.ca', '.tls.verify', '.tls.handshakeTimeout'].map(key => `nats.websocket${key}`)],
  'nats-tls.test.ts': ['', '.cert', '.key', '.ca', '.verify', '.handshakeTimeout', '.optional', '.first'].map(key => `nats.tls${key}`),
  'bus-keys.test.ts': ['', '.name', '.pingInterval', '.backoff.initial', '.backoff.max', '.backoff.multiplier', '.backoff.jitter'].map(key => `bus.nats${key}`),
  'joined-bus-credentials.test.ts': ['.credentials', '.tls', '.tls.ca', '.tls.cert', '.tls.key'].map(key => `bus.nats${key}`),
  'joined-bus.test.ts': ['.servers', '.subjects', '.localGroups'].map(key => `bus.nats${key}`),
  'joined-bus-loss.test.ts': ['.hold.bytes', '.hold.time'].map(key => `bus.nats${key}`),
  'agent-health.test.ts': Object.keys(probeLandings),
  'fifos.test.ts': ['', '[].name', '[].publish.allow', '[].publish.deny', '[].subscribe.allow', '[].subscribe.deny', '[].overflow', '[].maxPendingBytes'].map(key => `fifos${key}`),
  'shared-memory.test.ts': ['enabled', 'threshold', 'limit'].map(key => `sharedMemory.${key}`),
  'queue-keys.test.ts': Object.keys(queueLandings),
  'registry-keys.test.ts': Object.keys(registryLandings).filter(key => key !== 'gateway.nodeCapabilities.*.preference'),
  // All of this machine's clients are on it: which of them are is told in memory.
  'test/broker/registry/negotiation.test.ts': ['gateway.nodeCapabilities.*.preference'],
  'test/broker/ground/host-lookup.test.ts': ['network.dns.cache', 'network.dns.cacheTtl', 'network.dns.prefetch'],
  'test/broker/delivery: it changes how bytes leave, not which': ['ipc.performance.bufferSize'],
}

test('config: no key that works is without such a story', t => {
  const held = [...cases.flatMap(({ keys }) => keys), ...Object.values(elsewhere).flat()].sort()
  t.deepEqual(keyRows().filter(({ state }) => state.startsWith('works')).map(({ path }) => path).sort(), held)
})
