// Turns a checked configuration into the broker's settings: names with units, absolute paths.

import { defaultSettings, type AgentSettings, type ChannelFlow, type ChannelSettings, type GatewaySettings, type GrpcSettings, type IpcSettings, type NatsBusSettings, type NatsSettings, type NatsTlsSettings, type NetworkSettings, type PrincipalSettings, type Settings, type TelemetrySettings } from '../broker/ground/settings.ts'
import type { RegistrySettings } from '../broker/ground/registry-settings.ts'
import type { SandboxSettings } from '../broker/ground/sandbox.ts'
import { resolveCommand, resolvePath } from './paths.ts'
import { probeSettings, trafficSettings } from './probe-settings.ts'
import { channelOverrides, queuesSettings, storeSettings } from './queue-settings.ts'
import type { ConfigFile } from './schema.ts'

type Item<B extends 'agents' | 'principals'> = NonNullable<ConfigFile[B]>[number]

/** The settings that `file` stands for; relative paths start at `directory`, which is absolute. */
export function toSettings(file: ConfigFile, directory: string): Settings {
  return {
    queue: queuesSettings(file),
    store: storeSettings(file, directory),
    ipc: ipcSettings(file.ipc, directory),
    gateway: gatewaySettings(file.gateway),
    nats: natsSettings(file.nats, directory),
    grpc: file.grpc && grpcSettings(file.grpc, directory),
    bus: { nats: file.bus.nats && busSettings(file.bus.nats, directory) },
    network: networkSettings(file.network),
    pool: { threads: file.pool.threads, signatureAboveBytes: file.pool.signatureAbove, compressAboveBytes: file.pool.compressAbove, deflateAboveBytes: file.pool.deflateAbove },
    telemetry: telemetrySettings(file.telemetry, directory),
    audit: { enabled: file.audit.enabled, maxFileBytes: file.audit.maxFileSize, keepFiles: file.audit.keepFiles },
    agents: (file.agents ?? []).map(agent => agentSettings(agent, directory)),
    agentGroups: (file.agentGroups ?? []).map(({ name, strategy, intensity, period }) => ({ name, strategy, intensity, periodMs: period })),
    channels: (file.channels ?? []).map(({ name, mode, ...more }) => ({ name, mode, flow: channelFlow(more), ...queueOf(more) })),
    registry: registrySettings(file),
    sharedMemory: { enabled: file.sharedMemory.enabled, thresholdBytes: file.sharedMemory.threshold, limitBytes: file.sharedMemory.limit },
    principals: (file.principals ?? []).map(principal => principalSettings(principal, directory)),
    fifos: file.fifos ?? [],
    recorder: file.recorder,
    log: file.log,
  }
}

function gatewaySettings({ enabled, host, port, singleton, constraints, allowedOrigins, allowedHosts, limits }: ConfigFile['gateway']): GatewaySettings {
  return {
    enabled,
    host,
    port: port ?? defaultSettings.gateway.port,
    isPortRequired: port !== undefined,
    isOnePerHost: singleton ?? constraints.onePerHost ?? defaultSettings.gateway.isOnePerHost,
    allowedOrigins,
    allowedHosts,
    ...limits,
  }
}

function registrySettings({ registry, gateway }: Pick<ConfigFile, 'registry' | 'gateway'>): RegistrySettings {
  const { balancing, maxInstances, services = {} } = registry
  return {
    balancing,
    maxInstances,
    services: mapValues(services, (service) => ({ balancing: service.balancing, weights: service.weights ?? {} })),
    capabilities: mapValues(gateway.nodeCapabilities ?? {}, ({ fallback, ...capability }) => ({ ...capability, fallback })),
  }
}

function mapValues<V, W>(map: Readonly<Record<string, V>>, change: (value: V) => W): Readonly<Record<string, W>> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]))
}

function busSettings({ credentials, tls, hold, backoff, pingInterval, ...nats }: NonNullable<ConfigFile['bus']['nats']>, directory: string): NatsBusSettings {
  const file = (path: string | undefined): string | undefined => (path === undefined ? undefined : resolvePath(path, directory))
  const { initial, max, multiplier, jitter } = backoff
  return {
    servers: nats.servers,
    credentialsFile: file(credentials),
    tls: tls && { caFile: file(tls.ca), certFile: file(tls.cert), keyFile: file(tls.key) },
    name: nats.name,
    subjects: nats.subjects,
    localGroups: nats.localGroups,
    pingIntervalMs: pingInterval,
    holdBytes: hold.bytes,
    holdMs: hold.time,
    backoff: { initialMs: initial, maxMs: max, multiplier, jitter },
  }
}

function natsSettings(nats: ConfigFile['nats'], directory: string): NatsSettings {
  return {
    enabled: nats.enabled,
    host: nats.host,
    port: nats.port ?? defaultSettings.nats.port,
    isPortRequired: nats.port !== undefined,
    serverName: nats.serverName,
    maxPayloadBytes: nats.maxPayload,
    maxControlLineBytes: nats.maxControlLine,
    maxPendingBytes: nats.maxPending,
    maxConnections: nats.maxConnections,
    maxSubscriptions: nats.maxSubscriptions,
    pingIntervalMs: nats.pingInterval,
    maxPingsOut: nats.maxPingsOut,
    authTimeoutMs: nats.authTimeout,
    noAuthUser: nats.noAuthUser,
    tls: nats.tls === undefined ? undefined : { ...natsTls(nats.tls, directory), isOptional: nats.tls.optional, isFirst: nats.tls.first },
    lameDuckMs: nats.lameDuck,
    requestTimeoutMs: nats.requestTimeout,
    monitor: nats.monitor,
    websocket: nats.websocket === undefined ? undefined : { ...nats.websocket, tls: nats.websocket.tls && natsTls(nats.websocket.tls, directory) },
  }
}

function grpcSettings({ tcp, host, port, socket, maxConnections, maxCalls, reflection }: NonNullable<ConfigFile['grpc']>, directory: string): GrpcSettings {
  return { hasPort: tcp, host, port, socket: socket === undefined ? undefined : resolvePath(socket, directory), maxConnections, maxCalls, hasReflection: reflection }
}

function natsTls({ cert, key, ca, verify, handshakeTimeout }: NonNullable<NonNullable<ConfigFile['nats']['websocket']>['tls']>, directory: string): NatsTlsSettings {
  return {
    certFile: resolvePath(cert, directory),
    keyFile: resolvePath(key, directory),
    caFile: ca === undefined ? undefined : resolvePath(ca, directory),
    verify,
    handshakeTimeoutMs: handshakeTimeout,
  }
}

function networkSettings({ tcp, websocket, dns }: ConfigFile['network']): NetworkSettings {
  return {
    tcp: { keepAlive: tcp.keepAlive, keepAliveIntervalMs: tcp.keepAliveInterval, keepAliveProbes: tcp.keepAliveProbes },
    websocket: { pingIntervalMs: websocket.pingInterval, pingTimeoutMs: websocket.pingTimeout, maxFrameBytes: websocket.maxFrameSize, compression: websocket.compression },
    dns: { cache: dns.cache, cacheTtlMs: dns.cacheTtl, prefetch: dns.prefetch },
  }
}

function ipcSettings(ipc: ConfigFile['ipc'], directory: string): IpcSettings {
  const socket = ipc.socket ?? ipc.server.socket
  return {
    enabled: ipc.enabled,
    socket: socket === undefined ? undefined : resolvePath(socket, directory),
    timeoutMs: ipc.timeout,
    maxConnections: ipc.server.maxConnections,
    performance: { bufferBytes: ipc.performance.bufferSize, maxMessageBytes: ipc.performance.maxMessageSize, keepAlive: ipc.performance.keepAlive, compressionEnabled: ipc.performance.compressionEnabled },
    security: {
      requireAuth: ipc.security.requireAuth,
      allowedProcesses: ipc.security.allowedProcesses?.map(process => (process.includes('/') ? resolvePath(process, directory) : process)),
      processes: Object.fromEntries(
        Object.entries(ipc.security.processes ?? {}).map(([name, { executable, script }]) => [
          name,
          { executable: resolvePath(executable, directory), ...(script !== undefined && { script: resolvePath(script, directory) }) },
        ]),
      ),
      validateSignature: ipc.security.validateSignature,
    },
    retry: { enabled: ipc.retry.enabled, maxRetries: ipc.retry.maxRetries, retryDelayMs: ipc.retry.retryDelay, backoffMultiplier: ipc.retry.backoffMultiplier },
    limits: {
      handshakeMs: ipc.limits.handshakeTimeout,
      heartbeatMs: ipc.limits.heartbeat,
      maxPendingBytes: ipc.limits.maxPendingBytes,
      stallMs: ipc.limits.stallTimeout,
      overflow: ipc.limits.overflow,
      maxPendingMessages: ipc.limits.maxPendingMessages,
      sessionTtlMs: ipc.limits.sessionTtl,
      sessionBytes: ipc.limits.sessionBytes,
      creditBytes: ipc.limits.creditBytes,
      maxSubscriptions: ipc.limits.maxSubscriptions,
      maxOpenRequests: ipc.limits.maxOpenRequests,
    },
  }
}

function agentSettings(agent: Item<'agents'>, directory: string): AgentSettings {
  const { initial, max, multiplier, jitter } = agent.backoff
  return {
    name: agent.name,
    instances: agent.instances,
    version: agent.version,
    startTimeoutMs: agent.startTimeout,
    dependsOn: agent.dependsOn,
    agentGroup: agent.agentGroup,
    command: resolveCommand(agent.command),
    args: agent.args,
    env: agent.env,
    cwd: agent.cwd === undefined ? undefined : resolvePath(agent.cwd, directory),
    restart: agent.restart,
    backoff: { initialMs: initial, maxMs: max, multiplier, jitter },
    intensity: agent.intensity,
    periodMs: agent.period,
    probes: agent.probes.map(probeSettings),
    health: trafficSettings(agent.health),
    shutdownMs: agent.shutdown,
    sandbox: sandboxSettings(agent.sandbox, directory),
    ...(agent.schedule !== undefined && { schedule: { pattern: agent.schedule, timeZone: agent.timeZone } }),
    user: agent.user,
    group: agent.group,
    logLevel: agent.logLevel,
    secrets: mapValues(agent.secrets, path => resolvePath(path, directory)),
  }
}

function sandboxSettings({ files, memory, cpu, cpuTime, fileSize, level, network, processes, openFiles, controlGroups, allowWeaker }: Item<'agents'>['sandbox'], directory: string): SandboxSettings {
  const absolute = (paths: readonly string[]): string[] => paths.map(path => resolvePath(path, directory))
  return {
    level,
    files: { read: absolute(files.read), write: absolute(files.write) },
    network,
    memoryBytes: memory,
    cpus: cpu,
    cpuTimeMs: cpuTime,
    processes,
    openFiles,
    fileBytes: fileSize,
    controlGroups,
    allowWeaker,
  }
}

function principalSettings(principal: Item<'principals'>, directory: string): PrincipalSettings {
  return {
    name: principal.name,
    roles: principal.roles,
    nkey: principal.nkey,
    token: principal.token,
    tokenFile: principal.tokenFile === undefined ? undefined : resolvePath(principal.tokenFile, directory),
    publish: principal.publish,
    subscribe: principal.subscribe,
  }
}

function telemetrySettings({ exportInterval, ...telemetry }: ConfigFile['telemetry'], directory: string): TelemetrySettings {
  const { endpoint, headersFile } = telemetry
  return { ...telemetry, endpoint, headersFile: headersFile === undefined ? undefined : resolvePath(headersFile, directory), exportIntervalMs: exportInterval }
}

function queueOf(channel: Parameters<typeof channelOverrides>[0]): Pick<ChannelSettings, 'queue'> {
  const queue = channelOverrides(channel)
  return queue === undefined ? {} : { queue }
}

function channelFlow({ overflow, maxPendingMessages, maxPendingBytes }: Partial<ChannelFlow>): ChannelFlow {
  return { overflow, maxPendingMessages, maxPendingBytes }
}
