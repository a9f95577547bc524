// The block `bus`: the NATS servers that this broker joins, and what goes through them.

import { defaultBackoff } from '../broker/ground/settings.ts'
import { formatDuration } from './duration.ts'
import { block, defaulted, map, optional, required } from './keys.ts'
import { duration, factor, list, natsAddress, path, pattern, processName, size } from './kinds.ts'
import { clientTls } from './client-tls-keys.ts'
import { formatSize } from './size.ts'

const HOUR_MS = 3_600_000
const MIB = 1024 * 1024

/** What holds where the block is there and says nothing of it. */
const busDefaults = {
  subjects: ['>'],
  localGroups: [] as string[],
  pingIntervalMs: 500,
  holdBytes: 8 * MIB,
  holdMs: 30_000,
  backoff: { ...defaultBackoff, maxMs: 1000 },
} as const

export const busBlock = block({
  nats: optional(
    map({
      servers: required(list(natsAddress, 1), 'Servers of one cluster, `nats://host:port`; one of them at a time is used, and the next when it is lost.'),
      credentials: optional(path, 'none are shown', 'File with a user\'s JWT and seed (`.creds`), a seed (`.nk`), or on its first line `user:password` or a token. Read anew for each connection.'),
      tls: optional(
        clientTls(),
        'where a server asks for it',
        'TLS on the link. `tls: {}` asks for it with what the system trusts.',
      ),
      name: optional(processName, '`callboard-` and the id of the home', 'What the servers call this broker\'s connections.'),
      subjects: defaulted(list(pattern, 1), [...busDefaults.subjects], 'What is shared with other brokers and with NATS clients. First tokens with `$`, but `$SRV`, are shared only where they stand here.'),
      localGroups: defaulted(list(pattern), [...busDefaults.localGroups], 'Queue groups that stay within this broker, by the patterns of their subjects: each broker\'s members get every message.'),
      pingInterval: defaulted(duration(50, 60_000), formatDuration(busDefaults.pingIntervalMs), 'How often a server is asked whether it is there; two questions without an answer, and it is lost.'),
      hold: block({
        bytes: defaulted(size(0, 1024 * MIB), formatSize(busDefaults.holdBytes), 'How much is held for other brokers while no server is there; beyond it the oldest is lost as `link-down`.'),
        time: defaulted(duration(0, 24 * HOUR_MS), formatDuration(busDefaults.holdMs), 'How long after the loss of the server it is held.'),
      }),
      backoff: block({
        initial: defaulted(duration(1, HOUR_MS), formatDuration(busDefaults.backoff.initialMs), 'Wait after no server could be reached.'),
        max: defaulted(duration(1, HOUR_MS), formatDuration(busDefaults.backoff.maxMs), 'Longest wait.'),
        multiplier: defaulted(factor(1, 10), busDefaults.backoff.multiplier, 'By what the wait grows each time.'),
        jitter: defaulted(factor(0, 1), busDefaults.backoff.jitter, 'Share of the wait that is random, so that brokers do not come back in step.'),
      }),
    }),
    'this broker is alone',
    'NATS servers that this broker joins; through them it is one with other brokers that do, and with NATS clients.',
  ),
})
