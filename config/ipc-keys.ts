// The block `ipc`: the Unix socket, what it costs, who may use it.

import { defaultSettings, overflows } from '../broker/ground/settings.ts'
import { formatDuration } from './duration.ts'
import { block, defaulted, map, optional, required } from './keys.ts'
import { absolutePath, choice, count, duration, factor, flag, list, mapOf, path, processName, processReference, size } from './kinds.ts'
import { formatSize } from './size.ts'

const { ipc } = defaultSettings
const { performance, security, retry, limits } = ipc

const HOUR_MS = 3_600_000
const KIB = 1024
const MIB = 1024 * KIB

const socket = optional(path, 'callboard.sock in the home', 'Path of the Unix socket. `ipc.socket` and `ipc.server.socket` mean the same.')
const protocol = optional(choice(['unix']), '"unix"', 'What local clients connect by. `ipc.protocol` and `ipc.server.protocol` mean the same.')

export const ipcBlock = block({
  enabled: defaulted(flag, ipc.enabled, 'Open the socket at all.'),
  protocol,
  socket,
  timeout: defaulted(duration(1, HOUR_MS), formatDuration(ipc.timeoutMs), 'How long a request may take when it does not say.'),
  server: block({
    socket,
    protocol,
    maxConnections: defaulted(count(0, 1_000_000), ipc.maxConnections, 'Most connections at a time. 0: as many as the process may have open files, less 64.'),
  }),
  performance: block({
    bufferSize: defaulted(size(256, MIB), formatSize(performance.bufferBytes), 'Outbound pieces below this are merged into one buffer per write; larger ones are passed as they are.'),
    // The length prefix of a frame stays below 2^24 (a first byte of 0 tells native frames); headers need 16kb of it.
    maxMessageSize: defaulted(size(KIB, 15 * MIB), formatSize(performance.maxMessageBytes), 'Largest payload of a message.'),
    compressionEnabled: defaulted(flag, performance.compressionEnabled, 'Compress large payloads (see `pool.compressAbove`) for the clients that can read it, and take compressed ones.'),
    keepAlive: defaulted(flag, performance.keepAlive, 'Ping the clients that asked to be watched.'),
  }),
  security: block({
    requireAuth: defaulted(flag, security.requireAuth, 'Ask every client for the credential of a principal. false is for the Unix socket, which others cannot open; the gateway asks always.'),
    allowedProcesses: optional(list(processReference, 1), 'every process of the same user', 'Which programs of this machine may connect, and by the Unix socket alone, where the kernel says which they are: names from `ipc.security.processes`, known names, or absolute paths.'),
    processes: optional(
      mapOf(
        processName,
        map({
          executable: required(absolutePath, 'What the kernel must report as the executable.'),
          script: optional(absolutePath, 'any', 'For interpreters: the script that must be running.'),
        }),
      ),
      'none',
      'What stands behind a name in `allowedProcesses`.',
    ),
    validateSignature: defaulted(flag, security.validateSignature, 'Refuse messages without a valid signature.'),
  }),
  retry: block({
    enabled: defaulted(flag, retry.enabled, 'Tell clients to reconnect by themselves.'),
    maxRetries: defaulted(count(0, 1000), retry.maxRetries, 'How often they try before they give up.'),
    retryDelay: defaulted(duration(1, HOUR_MS), formatDuration(retry.retryDelayMs), 'How long they wait before the first try.'),
    backoffMultiplier: defaulted(factor(1, 10), retry.backoffMultiplier, 'By what the wait grows with every try.'),
  }),
  limits: block({
    handshakeTimeout: defaulted(duration(100, 600_000), formatDuration(limits.handshakeMs), 'How long a client may take until it is welcome.'),
    heartbeat: defaulted(duration(100, HOUR_MS), formatDuration(limits.heartbeatMs), 'How often watched clients are pinged.'),
    maxPendingBytes: defaulted(size(4 * MIB, 1024 * MIB), formatSize(limits.maxPendingBytes), 'Most bytes that wait for one connection; a quarter of it is the reserve for what was read before its publishers were paused.'),
    stallTimeout: defaulted(duration(0, 60_000), formatDuration(limits.stallMs), 'How long a slow receiver may hold up those who publish to it. 0: not at all.'),
    overflow: defaulted(choice(overflows), limits.overflow, 'What happens to a receiver that is still behind then, unless it or the channel says otherwise: `block` (its publishers wait on), `drop-oldest`, `drop-newest`, or `disconnect`.'),
    maxPendingMessages: defaulted(count(0, 100_000_000), limits.maxPendingMessages, 'Most messages that wait for one connection. 0: only their bytes count.'),
    sessionTtl: defaulted(duration(0, 86_400_000), formatDuration(limits.sessionTtlMs), 'How long a session may wait for its client to come back when the connection broke. 0: not at all.'),
    sessionBytes: defaulted(size(64 * KIB, 1024 * MIB), formatSize(limits.sessionBytes), 'What is kept of one session to send again, and of what comes while its client is away.'),
    creditBytes: defaulted(size(64 * KIB, 1024 * MIB), formatSize(limits.creditBytes), 'What a client that asks for credit may send on one subject ahead of its slowest receiver.'),
    maxSubscriptions: defaulted(count(1, 1_000_000), limits.maxSubscriptions, 'Most subscriptions of one connection.'),
    maxOpenRequests: defaulted(count(1, 1_000_000), limits.maxOpenRequests, 'Most requests of one connection that wait for an answer.'),
  }),
})
