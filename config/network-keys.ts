// The block `network`: how connections are kept alive, what WebSocket messages look like on the wire, and names.

import { defaultSettings } from '../broker/ground/settings.ts'
import { formatDuration } from './duration.ts'
import { block, defaulted } from './keys.ts'
import { count, duration, flag, size } from './kinds.ts'
import { formatSize } from './size.ts'

const { tcp, websocket, dns } = defaultSettings.network

const SECOND_MS = 1000
const HOUR_MS = 3600 * SECOND_MS
const MIB = 1024 * 1024

export const networkBlock = block({
  tcp: block({
    keepAlive: defaulted(flag, tcp.keepAlive, 'Have the kernel probe silent connections.'),
    keepAliveInterval: defaulted(duration(SECOND_MS, 24 * HOUR_MS), formatDuration(tcp.keepAliveIntervalMs), 'Silence before the first probe, and between probes.'),
    keepAliveProbes: defaulted(count(1, 127), tcp.keepAliveProbes, 'Probes without an answer after which a connection is given up.'),
  }),
  websocket: block({
    pingInterval: defaulted(duration(0, HOUR_MS), formatDuration(websocket.pingIntervalMs), 'Silence after which a client is pinged. 0: never.'),
    pingTimeout: defaulted(duration(1, HOUR_MS), formatDuration(websocket.pingTimeoutMs), 'How long it may then stay silent before its connection is closed as stale.'),
    maxFrameSize: defaulted(size(0, 16 * MIB), formatSize(websocket.maxFrameBytes), 'Messages above this leave in several WebSocket frames. 0: never.'),
    compression: defaulted(flag, websocket.compression, 'Agree on permessage-deflate with clients that offer it. It is used after authentication, for messages from `pool.deflateAbove` on.'),
  }),
  dns: block({
    cache: defaulted(flag, dns.cache, 'Remember the addresses of hosts that the broker connects to.'),
    cacheTtl: defaulted(duration(SECOND_MS, 24 * HOUR_MS), formatDuration(dns.cacheTtlMs), 'For how long.'),
    prefetch: defaulted(flag, dns.prefetch, 'Look remembered hosts up again before their time is over, so that nobody waits for it.'),
  }),
})
