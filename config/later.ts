// Keys that are known and do not work in this version, with the feature that brings each. An issue that builds a
// feature takes its group out of here and puts the keys into the schema. Data only.

/** One key: its path (`*` stands for any name), the type of its value, and what it will be by default. */
export type LaterKey = readonly [path: string, type: string, fallback: string]

export interface LaterGroup {
  /** Completes "comes with …". */
  readonly feature: string
  readonly keys: readonly LaterKey[]
}

export const laterGroups: readonly LaterGroup[] = [
  {
    feature: 'TLS on the gateway',
    keys: [
      ['gateway.tls.enabled', 'true or false', 'false'],
      ['gateway.tls.cert', 'path', 'none'],
      ['gateway.tls.key', 'path', 'none'],
      ['security.transport.tls.minVersion', 'word', '"TLSv1.3"'],
      ['security.transport.tls.ciphers', 'list', 'those of TLS 1.3'],
      ['security.transport.tls.certificateRotation.enabled', 'true or false', 'false'],
      ['security.transport.tls.certificateRotation.interval', 'duration', '"90d"'],
      ['security.transport.tls.certificateRotation.overlap', 'duration', '"7d"'],
    ],
  },
  {
    feature: 'TLS for gRPC',
    keys: [
      ['grpc.tls.cert', 'path', 'none'],
      ['grpc.tls.key', 'path', 'none'],
    ],
  },
  {
    feature: 'encryption',
    keys: [
      ['security.transport.encryption.message', 'word', 'none'],
      ['security.transport.encryption.session', 'word', 'none'],
      ['security.transport.encryption.storage', 'word', 'none'],
    ],
  },
  {
    feature: 'pairing',
    keys: [
      ['gateway.pairing.mode', 'word', '"strict"'],
      ['gateway.pairing.policies.*.autoApprove', 'true or false', 'false'],
      ['gateway.pairing.policies.*.requireToken', 'true or false', 'true'],
      ['gateway.pairing.policies.*.tokenLifetime', 'duration', 'none'],
      ['gateway.pairing.policies.*.mfa', 'true or false', 'false'],
    ],
  },
  {
    feature: 'access control on the network',
    keys: [
      ['access.ipWhitelist', 'list', 'none'],
      ['access.rateLimiting.global', 'rate', '"1000rpm"'],
      ['access.rateLimiting.perConnection', 'rate', '"100rpm"'],
      ['access.rateLimiting.perIp', 'rate', '"500rpm"'],
      ['access.authentication.required', 'true or false', 'true'],
      ['access.authentication.methods', 'list', '["token"]'],
      ['access.authentication.mfa.enabled', 'true or false', 'false'],
      ['access.authentication.mfa.requiredFor', 'list', 'none'],
    ],
  },
  {
    feature: 'nodes',
    keys: [
      ['nodes.types.*', 'list', 'none'],
    ],
  },
  {
    feature: 'clustering',
    keys: [
      ['gateway.clustering.enabled', 'true or false', 'false'],
      ['gateway.clustering.mode', 'word', '"active_active"'],
      ['gateway.clustering.nodes', 'list', 'none'],
      ['gateway.clustering.consensus', 'word', '"raft"'],
      ['gateway.clustering.electionTimeout', 'duration', '"3s"'],
      ['gateway.health.checkInterval', 'duration', '"30s"'],
      ['gateway.health.failureThreshold', 'number', '3'],
      ['gateway.health.successThreshold', 'number', '2'],
    ],
  },
  {
    feature: 'chat channels',
    keys: [
      ['gateway.constraints.oneWhatsAppSession', 'true or false', 'true'],
      ['connections.perChannel.*.maxConnections', 'number', 'none'],
      ['connections.perChannel.*.reconnectInterval', 'duration', 'none'],
    ],
  },
  {
    feature: 'connection pools',
    keys: [
      ['connections.pool.maxSize', 'number', '100'],
      ['connections.pool.minSize', 'number', '10'],
      ['connections.pool.idleTimeout', 'duration', '"5m"'],
      ['connections.pool.connectionTimeout', 'duration', '"10s"'],
      ['connections.pool.testOnBorrow', 'true or false', 'true'],
    ],
  },
  {
    feature: 'memory limits and caches',
    keys: [
      ['memory.limits.maxRss', 'size', 'none'],
      ['memory.limits.maxHeap', 'size', 'none'],
      ['memory.limits.gcInterval', 'duration', 'none'],
      ['memory.caching.*.enabled', 'true or false', 'true'],
      ['memory.caching.*.maxSize', 'size', 'none'],
      ['memory.caching.*.ttl', 'duration', 'none'],
    ],
  },
  {
    feature: 'alerts',
    keys: [
      ['monitoring.alerts.*.condition', 'text', 'none'],
      ['monitoring.alerts.*.severity', 'word', 'none'],
      ['monitoring.alerts.*.channels', 'list', 'none'],
    ],
  },
]

/** A value that is refused for a key that otherwise works. */
export interface RefusedValue {
  /** Path of the key; `*` stands for any place in a list. */
  readonly path: string
  readonly value: string | boolean
  /** `later`: a feature of a later version brings it. `refused`: the platform cannot have it. */
  readonly state: 'later' | 'refused'
  readonly reason: string
  /** What is allowed now, as it would be written. */
  readonly instead: string
}

const protocols = ['ipc.protocol', 'ipc.server.protocol'].flatMap((path): RefusedValue[] => [
  { path, value: 'xpc', state: 'refused', reason: 'exists on macOS only', instead: '"unix"' },
  { path, value: 'pipe', state: 'later', reason: 'comes with named pipes', instead: '"unix"' },
])

export const refusedValues: readonly RefusedValue[] = [
  ...protocols,
  { path: 'gateway.constraints.centralizedState', value: false, state: 'refused', reason: 'would spread the state of connections over places that can differ', instead: 'true' },
]
