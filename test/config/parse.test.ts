import { homedir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { keyRows } from '../../config/key-list.ts'
import { defaultSettings, type Settings } from '../../broker/ground/settings.ts'
import { fromJson, fromYaml, linesOf } from '../support/config.ts'
import { probeLandings } from '../support/probe-landings.ts'
import { queueLandings } from '../support/queue-landings.ts'
import { registryLandings } from '../support/registry-landings.ts'

const agent = 'name: a\n    command: node'
const sandbox = (keys: string): string => `agents:\n  - ${agent}\n    sandbox: {${keys}}`
const principal = 'name: p\n    token: abcdefghijklmnop'
const nkey = 'UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4'

/** For every key that works: a configuration that sets it, and what of the settings must change to what. */
const landings: Readonly<Record<string, readonly [yaml: string, read: (settings: Settings) => unknown, expected: unknown]>> = {
  ...registryLandings,
  fifos: ['fifos: [{name: a}]', s => s.fifos, [{ name: 'a', publish: { allow: ['>'], deny: [] }, subscribe: { allow: ['>'], deny: [] }, overflow: 'drop-oldest', maxPendingBytes: 1_048_576 }]],
  'fifos[].name': ['fifos: [{name: scale-1}]', s => s.fifos[0]?.name, 'scale-1'],
  'fifos[].publish.allow': ['fifos: [{name: a, publish: {allow: [x.*]}}]', s => s.fifos[0]?.publish.allow, ['x.*']],
  'fifos[].publish.deny': ['fifos: [{name: a, publish: {deny: [x.*]}}]', s => s.fifos[0]?.publish.deny, ['x.*']],
  'fifos[].subscribe.allow': ['fifos: [{name: a, subscribe: {allow: [x.*]}}]', s => s.fifos[0]?.subscribe.allow, ['x.*']],
  'fifos[].subscribe.deny': ['fifos: [{name: a, subscribe: {deny: [x.*]}}]', s => s.fifos[0]?.subscribe.deny, ['x.*']],
  'fifos[].overflow': ['fifos: [{name: a, overflow: block}]', s => s.fifos[0]?.overflow, 'block'],
  'fifos[].maxPendingBytes': ['fifos: [{name: a, maxPendingBytes: 2mb}]', s => s.fifos[0]?.maxPendingBytes, 2_097_152],
  'sharedMemory.enabled': ['sharedMemory: false', s => s.sharedMemory.enabled, false],
  'sharedMemory.threshold': ['sharedMemory: {threshold: 1mb}', s => s.sharedMemory.thresholdBytes, 1_048_576],
  'sharedMemory.limit': ['sharedMemory: {limit: 32mb}', s => s.sharedMemory.limitBytes, 33_554_432],
  'ipc.enabled': ['ipc: {enabled: false}', s => s.ipc.enabled, false],
  'ipc.protocol': ['ipc: {protocol: unix}', s => s.ipc.socket, undefined],
  'ipc.socket': ['ipc: {socket: run/cb.sock}', s => s.ipc.socket, '/etc/callboard/run/cb.sock'],
  'ipc.timeout': ['ipc: {timeout: 7s}', s => s.ipc.timeoutMs, 7000],
  'ipc.server.socket': ['ipc: {server: {socket: /tmp/cb.sock}}', s => s.ipc.socket, '/tmp/cb.sock'],
  'ipc.server.protocol': ['ipc: {server: {protocol: unix}}', s => s.ipc.socket, undefined],
  'ipc.server.maxConnections': ['ipc: {server: {maxConnections: 50}}', s => s.ipc.maxConnections, 50],
  'ipc.performance.bufferSize': ['ipc: {performance: {bufferSize: 16kb}}', s => s.ipc.performance.bufferBytes, 16_384],
  'ipc.performance.maxMessageSize': ['ipc: {performance: {maxMessageSize: 2mb}}', s => s.ipc.performance.maxMessageBytes, 2_097_152],
  'ipc.performance.compressionEnabled': ['ipc: {performance: {compressionEnabled: true}}', s => s.ipc.performance.compressionEnabled, true],
  'ipc.performance.keepAlive': ['ipc: {performance: {keepAlive: false}}', s => s.ipc.performance.keepAlive, false],
  'ipc.security.requireAuth': ['ipc: {security: {requireAuth: false}}', s => s.ipc.security.requireAuth, false],
  'ipc.security.allowedProcesses': ['ipc: {security: {allowedProcesses: [callboard-cli, ~/bin/tool, /usr/bin/x]}}', s => s.ipc.security.allowedProcesses, ['callboard-cli', join(homedir(), 'bin/tool'), '/usr/bin/x']],
  'ipc.security.processes': ['ipc: {security: {processes: {py.tool: {executable: /usr/bin/python3}}}}', s => s.ipc.security.processes, { 'py.tool': { executable: '/usr/bin/python3' } }],
  'ipc.security.processes.*.executable': ['ipc: {security: {processes: {x: {executable: ~/x}}}}', s => s.ipc.security.processes['x']?.executable, join(homedir(), 'x')],
  'ipc.security.processes.*.script': ['ipc: {security: {processes: {x: {executable: /x, script: /y.py}}}}', s => s.ipc.security.processes['x']?.script, '/y.py'],
  'ipc.security.validateSignature': ['ipc: {security: {validateSignature: true}}', s => s.ipc.security.validateSignature, true],
  'ipc.retry.enabled': ['ipc: {retry: {enabled: false}}', s => s.ipc.retry.enabled, false],
  'ipc.retry.maxRetries': ['ipc: {retry: {maxRetries: 9}}', s => s.ipc.retry.maxRetries, 9],
  'ipc.retry.retryDelay': ['ipc: {retry: {retryDelay: 250}}', s => s.ipc.retry.retryDelayMs, 250],
  'ipc.retry.backoffMultiplier': ['ipc: {retry: {backoffMultiplier: 1.5}}', s => s.ipc.retry.backoffMultiplier, 1.5],
  'ipc.limits.handshakeTimeout': ['ipc: {limits: {handshakeTimeout: 3s}}', s => s.ipc.limits.handshakeMs, 3000],
  'ipc.limits.heartbeat': ['ipc: {limits: {heartbeat: 5m}}', s => s.ipc.limits.heartbeatMs, 300_000],
  'ipc.limits.maxPendingBytes': ['ipc: {limits: {maxPendingBytes: 32mb}}', s => s.ipc.limits.maxPendingBytes, 33_554_432],
  'ipc.limits.stallTimeout': ['ipc: {limits: {stallTimeout: 0}}', s => s.ipc.limits.stallMs, 0],
  'ipc.limits.maxSubscriptions': ['ipc: {limits: {maxSubscriptions: 5}}', s => s.ipc.limits.maxSubscriptions, 5],
  'ipc.limits.maxOpenRequests': ['ipc: {limits: {maxOpenRequests: 6}}', s => s.ipc.limits.maxOpenRequests, 6],
  agents: [`agents:\n  - ${agent}\n  - {name: b, command: ls}`, s => s.agents.map(({ name }) => name), ['a', 'b']],
  'agents[].name': [`agents:\n  - ${agent}`, s => s.agents[0]?.name, 'a'],
  'agents[].instances': [`agents:\n  - ${agent}\n    instances: 3`, s => s.agents[0]?.instances, 3],
  'agents[].version': [`agents:\n  - ${agent}\n    version: 2.1.0-rc.1`, s => s.agents[0]?.version, '2.1.0-rc.1'],
  'agents[].startTimeout': [`agents:\n  - ${agent}\n    startTimeout: 1m`, s => s.agents[0]?.startTimeoutMs, 60_000],
  'agents[].dependsOn': [`agents:\n  - ${agent}\n    dependsOn: [b]\n  - {name: b, command: ls}`, s => s.agents[0]?.dependsOn, ['b']],
  'agents[].agentGroup': [`agentGroups: [{name: g}]\nagents:\n  - ${agent}\n    agentGroup: g`, s => s.agents[0]?.agentGroup, 'g'],
  agentGroups: ['agentGroups: [{name: g}, {name: h}]', s => s.agentGroups.map(({ name }) => name), ['g', 'h']],
  'agentGroups[].name': ['agentGroups: [{name: g}]', s => s.agentGroups, [{ name: 'g', strategy: 'oneForOne', intensity: 3, periodMs: 60_000 }]],
  'agentGroups[].strategy': ['agentGroups: [{name: g, strategy: restForOne}]', s => s.agentGroups[0]?.strategy, 'restForOne'],
  'agentGroups[].intensity': ['agentGroups: [{name: g, intensity: 0}]', s => s.agentGroups[0]?.intensity, 0],
  'agentGroups[].period': ['agentGroups: [{name: g, period: 5s}]', s => s.agentGroups[0]?.periodMs, 5000],
  'agents[].command': ['agents: [{name: a, command: ~/bin/run}]', s => s.agents[0]?.command, join(homedir(), 'bin/run')],
  'agents[].args': [`agents:\n  - ${agent}\n    args: [-v, "1"]`, s => s.agents[0]?.args, ['-v', '1']],
  'agents[].env': [`agents:\n  - ${agent}\n    env: {PORT: "80"}`, s => s.agents[0]?.env, { PORT: '80' }],
  'agents[].cwd': [`agents:\n  - ${agent}\n    cwd: ./work`, s => s.agents[0]?.cwd, '/etc/callboard/work'],
  'agents[].schedule': [`agents:\n  - ${agent}\n    schedule: '*/5 * * * *'\n    restart: temporary`, s => s.agents[0]?.schedule, { pattern: '*/5 * * * *', timeZone: undefined }],
  'agents[].timeZone': [`agents:\n  - ${agent}\n    schedule: '@daily'\n    timeZone: Europe/Berlin\n    restart: temporary`, s => s.agents[0]?.schedule?.timeZone, 'Europe/Berlin'],
  'agents[].user': [`agents:\n  - ${agent}\n    user: 1000`, s => s.agents[0]?.user, '1000'],
  'agents[].group': [`agents:\n  - ${agent}\n    user: lamp\n    group: www-data`, s => s.agents[0]?.group, 'www-data'],
  'agents[].logLevel': [`agents:\n  - ${agent}\n    logLevel: warn`, s => s.agents[0]?.logLevel, 'warn'],
  'agents[].secrets': [`agents:\n  - ${agent}\n    secrets: {API_KEY: keys/api}`, s => s.agents[0]?.secrets, { API_KEY: '/etc/callboard/keys/api' }],
  'agents[].restart': [`agents:\n  - ${agent}\n    restart: transient`, s => s.agents[0]?.restart, 'transient'],
  'agents[].backoff.initial': [`agents:\n  - ${agent}\n    backoff: {initial: 1s}`, s => s.agents[0]?.backoff, { initialMs: 1000, maxMs: 30_000, multiplier: 2, jitter: 0.2 }],
  'agents[].backoff.max': [`agents:\n  - ${agent}\n    backoff: {max: 1h}`, s => s.agents[0]?.backoff.maxMs, 3_600_000],
  'agents[].backoff.multiplier': [`agents:\n  - ${agent}\n    backoff: {multiplier: 3}`, s => s.agents[0]?.backoff.multiplier, 3],
  'agents[].backoff.jitter': [`agents:\n  - ${agent}\n    backoff: {jitter: 0}`, s => s.agents[0]?.backoff.jitter, 0],
  'agents[].shutdown': [`agents:\n  - ${agent}\n    shutdown: 30s`, s => s.agents[0]?.shutdownMs, 30_000],
  'agents[].sandbox.level': [sandbox('level: isolated'), s => s.agents[0]?.sandbox?.level, 'isolated'],
  'agents[].sandbox.files.read': [sandbox('files: {read: [lib, /srv/data]}'), s => s.agents[0]?.sandbox?.files.read, ['/etc/callboard/lib', '/srv/data']],
  'agents[].sandbox.files.write': [sandbox('files: {write: [~/out]}'), s => s.agents[0]?.sandbox?.files.write, [join(homedir(), 'out')]],
  'agents[].sandbox.network': [sandbox('network: ["connect:443", udp]'), s => s.agents[0]?.sandbox?.network, ['connect:443', 'udp']],
  'agents[].sandbox.memory': [sandbox('memory: 64mb'), s => s.agents[0]?.sandbox?.memoryBytes, 67_108_864],
  'agents[].sandbox.cpu': [sandbox('cpu: 1.5'), s => s.agents[0]?.sandbox?.cpus, 1.5],
  'agents[].sandbox.cpuTime': [sandbox('cpuTime: 1h'), s => s.agents[0]?.sandbox?.cpuTimeMs, 3_600_000],
  'agents[].sandbox.processes': [sandbox('processes: 32'), s => s.agents[0]?.sandbox?.processes, 32],
  'agents[].sandbox.openFiles': [sandbox('openFiles: 100'), s => s.agents[0]?.sandbox?.openFiles, 100],
  'agents[].sandbox.fileSize': [sandbox('fileSize: 1mb'), s => s.agents[0]?.sandbox?.fileBytes, 1_048_576],
  'agents[].sandbox.controlGroups': [sandbox('controlGroups: false'), s => s.agents[0]?.sandbox?.controlGroups, false],
  'agents[].sandbox.allowWeaker': [sandbox('allowWeaker: true'), s => s.agents[0]?.sandbox?.allowWeaker, true],
  'gateway.enabled': ['gateway: {enabled: false}', s => s.gateway.enabled, false],
  'gateway.host': ['gateway: {host: "::1"}', s => s.gateway.host, '::1'],
  'gateway.port': ['gateway: {port: 4000}', s => [s.gateway.port, s.gateway.isPortRequired], [4000, true]],
  'gateway.singleton': ['gateway: {singleton: false}', s => s.gateway.isOnePerHost, false],
  'gateway.constraints.onePerHost': ['gateway: {constraints: {onePerHost: false}}', s => s.gateway.isOnePerHost, false],
  'gateway.constraints.centralizedState': ['gateway: {constraints: {centralizedState: true}}', s => s, defaultSettings],
  'gateway.allowedOrigins': ['gateway: {allowedOrigins: ["https://example.org"]}', s => s.gateway.allowedOrigins, ['https://example.org']],
  'gateway.allowedHosts': ['gateway: {allowedHosts: [box.lan]}', s => s.gateway.allowedHosts, ['box.lan']],
  'gateway.limits.maxUnauthenticatedPerAddress': ['gateway: {limits: {maxUnauthenticatedPerAddress: 1}}', s => s.gateway.maxUnauthenticatedPerAddress, 1],
  'gateway.limits.maxUnauthenticated': ['gateway: {limits: {maxUnauthenticated: 2}}', s => s.gateway.maxUnauthenticated, 2],
  'gateway.limits.maxConnectionsPerAddress': ['gateway: {limits: {maxConnectionsPerAddress: 3}}', s => s.gateway.maxConnectionsPerAddress, 3],
  'nats.enabled': ['nats: {enabled: false}', s => s.nats.enabled, false],
  'nats.host': ['nats: {host: "::1"}', s => s.nats.host, '::1'],
  'nats.port': ['nats: {port: 4333}', s => [s.nats.port, s.nats.isPortRequired], [4333, true]],
  'nats.serverName': ['nats: {serverName: hall.1}', s => s.nats.serverName, 'hall.1'],
  'nats.maxPayload': ['nats: {maxPayload: 2mb}', s => s.nats.maxPayloadBytes, 2_097_152],
  'nats.maxPending': ['nats: {maxPending: 32mb}', s => s.nats.maxPendingBytes, 32 * 1024 * 1024],
  'nats.maxControlLine': ['nats: {maxControlLine: 8kb}', s => s.nats.maxControlLineBytes, 8192],
  'nats.maxConnections': ['nats: {maxConnections: 9}', s => s.nats.maxConnections, 9],
  'nats.maxSubscriptions': ['nats: {maxSubscriptions: 8}', s => s.nats.maxSubscriptions, 8],
  'nats.pingInterval': ['nats: {pingInterval: 5s}', s => s.nats.pingIntervalMs, 5000],
  'nats.maxPingsOut': ['nats: {maxPingsOut: 3}', s => s.nats.maxPingsOut, 3],
  'nats.authTimeout': ['nats: {authTimeout: 500ms}', s => s.nats.authTimeoutMs, 500],
  'nats.noAuthUser': [`nats: {noAuthUser: p}\nprincipals:\n  - ${principal}`, s => s.nats.noAuthUser, 'p'],
  'nats.tls': ['nats: {tls: {cert: c.pem, key: /k.pem}}', s => s.nats.tls, { certFile: '/etc/callboard/c.pem', keyFile: '/k.pem', caFile: undefined, verify: false, handshakeTimeoutMs: 2000, isOptional: false, isFirst: false }],
  'nats.tls.cert': ['nats: {tls: {cert: ~/c.pem, key: k.pem}}', s => s.nats.tls?.certFile, join(homedir(), 'c.pem')],
  'nats.tls.key': ['nats: {tls: {cert: c.pem, key: k.pem}}', s => s.nats.tls?.keyFile, '/etc/callboard/k.pem'],
  'nats.tls.ca': ['nats: {tls: {cert: c.pem, key: k.pem, ca: ca.pem}}', s => s.nats.tls?.caFile, '/etc/callboard/ca.pem'],
  'nats.tls.verify': ['nats: {tls: {cert: c.pem, key: k.pem, ca: ca.pem, verify: true}}', s => s.nats.tls?.verify, true],
  'nats.tls.handshakeTimeout': ['nats: {tls: {cert: c.pem, key: k.pem, handshakeTimeout: 4s}}', s => s.nats.tls?.handshakeTimeoutMs, 4000],
  'nats.tls.optional': ['nats: {tls: {cert: c, key: k, optional: true}}', s => s.nats.tls?.isOptional, true],
  'nats.tls.first': ['nats: {tls: {cert: c, key: k, first: true}}', s => s.nats.tls?.isFirst, true],
  'nats.lameDuck': ['nats: {lameDuck: 10s}', s => s.nats.lameDuckMs, 10_000],
  'nats.requestTimeout': ['nats: {requestTimeout: 7s}', s => s.nats.requestTimeoutMs, 7000],
  'nats.monitor': ['nats: {monitor: {port: 8222}}', s => s.nats.monitor, { host: '127.0.0.1', port: 8222 }],
  'nats.monitor.host': ['nats: {monitor: {host: 10.0.0.1, port: 8222}}', s => s.nats.monitor?.host, '10.0.0.1'],
  'nats.monitor.port': ['nats: {monitor: {port: 0}}', s => s.nats.monitor?.port, 0],
  'nats.websocket': ['nats: {websocket: {port: 8080}}', s => s.nats.websocket, { host: '127.0.0.1', port: 8080, tls: undefined }],
  'nats.websocket.host': ['nats: {websocket: {host: "::1", port: 8080}}', s => s.nats.websocket?.host, '::1'],
  'nats.websocket.port': ['nats: {websocket: {port: 0}}', s => s.nats.websocket?.port, 0],
  'nats.websocket.tls': ['nats: {websocket: {port: 0, tls: {cert: c, key: k}}}', s => s.nats.websocket?.tls?.verify, false],
  'nats.websocket.tls.cert': ['nats: {websocket: {port: 0, tls: {cert: c, key: k}}}', s => s.nats.websocket?.tls?.certFile, '/etc/callboard/c'],
  'nats.websocket.tls.key': ['nats: {websocket: {port: 0, tls: {cert: c, key: k}}}', s => s.nats.websocket?.tls?.keyFile, '/etc/callboard/k'],
  'nats.websocket.tls.ca': ['nats: {websocket: {port: 0, tls: {cert: c, key: k, ca: /a}}}', s => s.nats.websocket?.tls?.caFile, '/a'],
  'nats.websocket.tls.verify': ['nats: {websocket: {port: 0, tls: {cert: c, key: k, ca: a, verify: true}}}', s => s.nats.websocket?.tls?.verify, true],
  'nats.websocket.tls.handshakeTimeout': ['nats: {websocket: {port: 0, tls: {cert: c, key: k, handshakeTimeout: 1}}}', s => s.nats.websocket?.tls?.handshakeTimeoutMs, 1],
  grpc: ['grpc: {}', s => s.grpc, { hasPort: true, host: '127.0.0.1', port: 50_051, socket: undefined, maxConnections: 0, maxCalls: 1000, hasReflection: true }],
  'grpc.tcp': ['grpc: {tcp: false}', s => s.grpc?.hasPort, false],
  'grpc.host': ['grpc: {host: "::1"}', s => s.grpc?.host, '::1'],
  'grpc.port': ['grpc: {port: 6000}', s => s.grpc?.port, 6000],
  'grpc.socket': ['grpc: {socket: run/g.sock}', s => s.grpc?.socket, '/etc/callboard/run/g.sock'],
  'grpc.maxConnections': ['grpc: {maxConnections: 7}', s => s.grpc?.maxConnections, 7],
  'grpc.maxCalls': ['grpc: {maxCalls: 8}', s => s.grpc?.maxCalls, 8],
  'grpc.reflection': ['grpc: {reflection: false}', s => s.grpc?.hasReflection, false],
  'network.tcp.keepAlive': ['network: {tcp: {keepAlive: false}}', s => s.network.tcp.keepAlive, false],
  'network.tcp.keepAliveInterval': ['network: {tcp: {keepAliveInterval: 45s}}', s => s.network.tcp.keepAliveIntervalMs, 45_000],
  'network.tcp.keepAliveProbes': ['network: {tcp: {keepAliveProbes: 7}}', s => s.network.tcp.keepAliveProbes, 7],
  'network.websocket.pingInterval': ['network: {websocket: {pingInterval: 20s}}', s => s.network.websocket.pingIntervalMs, 20_000],
  'network.websocket.pingTimeout': ['network: {websocket: {pingTimeout: 3s}}', s => s.network.websocket.pingTimeoutMs, 3000],
  'network.websocket.maxFrameSize': ['network: {websocket: {maxFrameSize: 16kb}}', s => s.network.websocket.maxFrameBytes, 16_384],
  'network.websocket.compression': ['network: {websocket: {compression: true}}', s => s.network.websocket.compression, true],
  'network.dns.cache': ['network: {dns: {cache: false}}', s => s.network.dns.cache, false],
  'network.dns.cacheTtl': ['network: {dns: {cacheTtl: 1m}}', s => s.network.dns.cacheTtlMs, 60_000],
  'network.dns.prefetch': ['network: {dns: {prefetch: true}}', s => s.network.dns.prefetch, true],
  'pool.threads': ['pool: {threads: 3}', s => s.pool.threads, 3],
  'pool.signatureAbove': ['pool: {signatureAbove: 8kb}', s => s.pool.signatureAboveBytes, 8192],
  'pool.compressAbove': ['pool: {compressAbove: 4kb}', s => s.pool.compressAboveBytes, 4096],
  'pool.deflateAbove': ['pool: {deflateAbove: 2kb}', s => s.pool.deflateAboveBytes, 2048],
  channels: ['channels: [{name: a}, {name: b.c}]', s => s.channels.map(({ name, mode }) => [name, mode]), [['a', 'pubsub'], ['b.c', 'pubsub']]],
  'channels[].name': ['channels: [{name: weather.berlin}]', s => s.channels[0]?.name, 'weather.berlin'],
  'channels[].mode': ['channels: [{name: a, mode: broadcast}]', s => s.channels[0]?.mode, 'broadcast'],
  'channels[].overflow': ['channels: [{name: a, overflow: drop-oldest}]', s => s.channels[0]?.flow, { overflow: 'drop-oldest', maxPendingMessages: undefined, maxPendingBytes: undefined }],
  'channels[].maxPendingMessages': ['channels: [{name: a, maxPendingMessages: 7}]', s => s.channels[0]?.flow.maxPendingMessages, 7],
  'channels[].maxPendingBytes': ['channels: [{name: a, maxPendingBytes: 1mb}]', s => s.channels[0]?.flow.maxPendingBytes, 1_048_576],
  'ipc.limits.overflow': ['ipc: {limits: {overflow: block}}', s => s.ipc.limits.overflow, 'block'],
  'ipc.limits.maxPendingMessages': ['ipc: {limits: {maxPendingMessages: 100}}', s => s.ipc.limits.maxPendingMessages, 100],
  'ipc.limits.sessionTtl': ['ipc: {limits: {sessionTtl: 2m}}', s => s.ipc.limits.sessionTtlMs, 120_000],
  'ipc.limits.sessionBytes': ['ipc: {limits: {sessionBytes: 128kb}}', s => s.ipc.limits.sessionBytes, 131_072],
  'ipc.limits.creditBytes': ['ipc: {limits: {creditBytes: 128kb}}', s => s.ipc.limits.creditBytes, 131_072],
  principals: [`principals:\n  - ${principal}`, s => s.principals.length, 1],
  'principals[].name': [`principals:\n  - ${principal}`, s => s.principals[0]?.name, 'p'],
  'principals[].roles': [`principals:\n  - ${principal}\n    roles: [agent, system]`, s => s.principals[0]?.roles, ['agent', 'system']],
  'principals[].nkey': [`principals: [{name: p, nkey: ${nkey}}]`, s => [s.principals[0]?.nkey, s.principals[0]?.token, s.principals[0]?.tokenFile], [nkey, undefined, undefined]],
  'principals[].token': [`principals:\n  - ${principal}`, s => [s.principals[0]?.token, s.principals[0]?.tokenFile], ['abcdefghijklmnop', undefined]],
  'principals[].tokenFile': ['principals: [{name: p, tokenFile: p.token}]', s => [s.principals[0]?.token, s.principals[0]?.tokenFile], [undefined, '/etc/callboard/p.token']],
  'principals[].publish.allow': [`principals:\n  - ${principal}\n    publish: {allow: [events.>]}`, s => s.principals[0]?.publish, { allow: ['events.>'], deny: [] }],
  'principals[].publish.deny': [`principals:\n  - ${principal}\n    publish: {deny: ["*.secret"]}`, s => s.principals[0]?.publish, { allow: ['>'], deny: ['*.secret'] }],
  'principals[].subscribe.allow': [`principals:\n  - ${principal}\n    subscribe: {allow: []}`, s => s.principals[0]?.subscribe, { allow: [], deny: [] }],
  'principals[].subscribe.deny': [`principals:\n  - ${principal}\n    subscribe: {deny: [a, b]}`, s => s.principals[0]?.subscribe.deny, ['a', 'b']],
  'telemetry.endpoint': ['telemetry: {endpoint: "https://otel.example.org/base"}', s => s.telemetry.endpoint, 'https://otel.example.org/base'],
  'telemetry.headers': ['telemetry: {headers: {x-tenant: a b}}', s => s.telemetry.headers, { 'x-tenant': 'a b' }],
  'telemetry.headersFile': ['telemetry: {headersFile: otel/headers}', s => s.telemetry.headersFile, '/etc/callboard/otel/headers'],
  'telemetry.traces': ['telemetry: {traces: false}', s => s.telemetry.traces, false],
  'telemetry.metrics': ['telemetry: {metrics: false}', s => s.telemetry.metrics, false],
  'telemetry.logs': ['telemetry: {logs: false}', s => s.telemetry.logs, false],
  'telemetry.prometheus': ['telemetry: {prometheus: true}', s => s.telemetry.prometheus, true],
  'telemetry.prometheusAccess': ['telemetry: {prometheusAccess: token}', s => s.telemetry.prometheusAccess, 'token'],
  'telemetry.exportInterval': ['telemetry: {exportInterval: 10s}', s => s.telemetry.exportIntervalMs, 10_000],
  'telemetry.serviceName': ['telemetry: {serviceName: broker-7}', s => s.telemetry.serviceName, 'broker-7'],
  'bus.nats': ['bus: {nats: {servers: [n1]}}', s => s.bus.nats?.name, undefined],
  'bus.nats.servers': ['bus: {nats: {servers: [nats://n1:4222, "tls://[::1]:5000"]}}', s => s.bus.nats?.servers, ['nats://n1:4222', 'tls://[::1]:5000']],
  'bus.nats.credentials': ['bus: {nats: {servers: [n1], credentials: hall.creds}}', s => s.bus.nats?.credentialsFile, '/etc/callboard/hall.creds'],
  'bus.nats.tls': ['bus: {nats: {servers: [n1], tls: {}}}', s => s.bus.nats?.tls, { caFile: undefined, certFile: undefined, keyFile: undefined }],
  'bus.nats.tls.ca': ['bus: {nats: {servers: [n1], tls: {ca: ca.pem}}}', s => s.bus.nats?.tls?.caFile, '/etc/callboard/ca.pem'],
  'bus.nats.tls.cert': ['bus: {nats: {servers: [n1], tls: {cert: c.pem, key: k.pem}}}', s => s.bus.nats?.tls?.certFile, '/etc/callboard/c.pem'],
  'bus.nats.tls.key': ['bus: {nats: {servers: [n1], tls: {cert: c.pem, key: k.pem}}}', s => s.bus.nats?.tls?.keyFile, '/etc/callboard/k.pem'],
  'bus.nats.name': ['bus: {nats: {servers: [n1], name: hall.1}}', s => s.bus.nats?.name, 'hall.1'],
  'bus.nats.subjects': ['bus: {nats: {servers: [n1], subjects: [orders.>]}}', s => s.bus.nats?.subjects, ['orders.>']],
  'bus.nats.localGroups': ['bus: {nats: {servers: [n1], localGroups: [cache.*]}}', s => s.bus.nats?.localGroups, ['cache.*']],
  'bus.nats.pingInterval': ['bus: {nats: {servers: [n1], pingInterval: 2s}}', s => s.bus.nats?.pingIntervalMs, 2000],
  'bus.nats.hold.bytes': ['bus: {nats: {servers: [n1], hold: {bytes: 1mb}}}', s => s.bus.nats?.holdBytes, 1_048_576],
  'bus.nats.hold.time': ['bus: {nats: {servers: [n1], hold: {time: 5s}}}', s => s.bus.nats?.holdMs, 5000],
  'bus.nats.backoff.initial': ['bus: {nats: {servers: [n1], backoff: {initial: 50ms}}}', s => s.bus.nats?.backoff.initialMs, 50],
  'bus.nats.backoff.max': ['bus: {nats: {servers: [n1], backoff: {max: 9s}}}', s => s.bus.nats?.backoff.maxMs, 9000],
  'bus.nats.backoff.multiplier': ['bus: {nats: {servers: [n1], backoff: {multiplier: 3}}}', s => s.bus.nats?.backoff.multiplier, 3],
  'bus.nats.backoff.jitter': ['bus: {nats: {servers: [n1], backoff: {jitter: 0}}}', s => s.bus.nats?.backoff.jitter, 0],
  'audit.enabled': ['audit: {enabled: false}', s => s.audit.enabled, false],
  'audit.maxFileSize': ['audit: {maxFileSize: 64kb}', s => s.audit.maxFileBytes, 65_536],
  'audit.keepFiles': ['audit: {keepFiles: 0}', s => s.audit.keepFiles, 0],
  'recorder.entries': ['recorder: {entries: 1024}', s => s.recorder.entries, 1024],
  'log.level': ['log: {level: debug}', s => s.log.level, 'debug'],
  ...probeLandings,
  ...queueLandings,
  $schema: ['$schema: ./schema.json', s => s, defaultSettings],
}

for (const [key, [yaml, read, expected]] of Object.entries(landings)) {
  test(`config: ${key} lands in the settings`, async t => {
    const { settings, warnings } = await fromYaml(yaml)
    t.deepEqual(read(settings), expected)
    t.deepEqual(warnings, [])
  })
}

test('config: every key that works has a test that it lands', t => {
  t.deepEqual(keyRows().filter(row => row.state.startsWith('works')).map(row => row.path).toSorted(), Object.keys(landings).toSorted())
})

test('config: false in the place of the block nats turns it off', async t => {
  for (const { settings } of await Promise.all([fromYaml('nats: false'), fromJson('{"nats": false}')])) t.deepEqual(settings, { ...defaultSettings, nats: { ...defaultSettings.nats, enabled: false } })
  t.deepEqual(await linesOf(t, fromYaml('nats: true\ngateway: false')), [
    '1:7: nats is true; allowed: a map of enabled, host, port, serverName, maxPayload, maxControlLine, maxPending, maxConnections, maxSubscriptions, pingInterval, maxPingsOut, authTimeout, noAuthUser, tls, lameDuck, requestTimeout, monitor, websocket',
    '2:10: gateway is false; allowed: a map of enabled, host, port, singleton, constraints, nodeCapabilities, allowedOrigins, allowedHosts, limits',
  ])
})

test('config: an empty map gives the defaults', async t => {
  for (const loading of [fromJson('{}'), fromYaml('{}')]) t.deepEqual(await loading, { settings: defaultSettings, warnings: [], directory: '/etc/callboard' })
})

const seedBlocks = {
  server: { socket: '/tmp/openclaw.sock', protocol: 'unix', maxConnections: 50 },
  basic: { enabled: true, protocol: 'unix', socket: '/tmp/openclaw.sock', timeout: 5000 },
  performance: { bufferSize: 8192, maxMessageSize: 1_048_576, compressionEnabled: false, keepAlive: true },
  security: { requireAuth: true, allowedProcesses: ['openclaw-cli', 'openclaw-gateway'], validateSignature: true },
  retry: { enabled: true, maxRetries: 3, retryDelay: 1000, backoffMultiplier: 2 },
}

test('config: each block of the local-IPC guide loads alone', async t => {
  const { ipc } = defaultSettings
  const load = async (block: object): Promise<Settings['ipc']> => (await fromJson(JSON.stringify({ ipc: block }))).settings.ipc
  t.deepEqual(await load({ server: seedBlocks.server }), { ...ipc, socket: '/tmp/openclaw.sock', maxConnections: 50 })
  t.deepEqual(await load(seedBlocks.basic), { ...ipc, socket: '/tmp/openclaw.sock' })
  t.deepEqual(await load({ performance: seedBlocks.performance }), ipc)
  t.deepEqual(await load({ security: seedBlocks.security }), { ...ipc, security: { ...ipc.security, allowedProcesses: ['openclaw-cli', 'openclaw-gateway'], validateSignature: true } })
  t.deepEqual(await load({ retry: seedBlocks.retry }), ipc)
})

test('config: all blocks of the local-IPC guide load merged into one file', async t => {
  const { basic, ...blocks } = seedBlocks
  const { settings } = await fromJson(`// merged\n${JSON.stringify({ ipc: { ...basic, ...blocks } }, null, 2)}`)
  t.is(settings.ipc.socket, '/tmp/openclaw.sock')
  t.is(settings.ipc.maxConnections, 50)
  t.deepEqual(settings.ipc.security.allowedProcesses, ['openclaw-cli', 'openclaw-gateway'])
})

test('config: a byte order mark is no part of the text', async t => {
  t.deepEqual((await fromJson('\uFEFF{"log": {"level": "warn"}}')).settings.log, { level: 'warn' })
})
