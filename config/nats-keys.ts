// The block `nats`: where NATS clients connect, and what holds for them. In its place `false` turns the port off.

import type { z } from 'zod'
import { defaultSettings } from '../broker/ground/settings.ts'
import { formatDuration } from './duration.ts'
import { defaulted, map, optional, required, switchable } from './keys.ts'
import { count, duration, flag, listenHost, name, path, serverName, size } from './kinds.ts'
import { formatSize } from './size.ts'

const { nats } = defaultSettings

const MAX_PORT = 65_535
const MIB = 1024 * 1024
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DEFAULT_HANDSHAKE = '2s'

const port = count(0, MAX_PORT)

// Each place has a schema of its own: notes belong to places.
const tls = <M extends Readonly<Record<string, z.ZodType>>>(about: string, more: M) =>
  optional(
    map({
      cert: required(path, 'File with the certificate, and those between it and the root (PEM).'),
      key: required(path, 'File with its private key (PEM).'),
      ca: optional(path, 'those that the system trusts', 'File with the certificates that sign those of clients (PEM).'),
      verify: defaulted(flag, false, 'Clients must show a certificate that `ca` signed.'),
      handshakeTimeout: defaulted(duration(1, MINUTE_MS), DEFAULT_HANDSHAKE, 'Time for the handshake.'),
      ...more,
    }),
    'none',
    about,
  )

export const natsBlock = switchable({
  enabled: defaulted(flag, nats.enabled, 'Open the NATS port at all; `nats: false` is the same as false here.'),
  host: defaulted(listenHost, nats.host, 'Where to listen; an address that this machine does not have ends the start. Beyond this machine and without `tls` who is on the way can read along.'),
  port: optional(port, `${nats.port}, and no NATS port where that is taken`, 'The one port; 0: any that is free. A port that was asked for and is taken ends the start.'),
  serverName: optional(serverName, '`callboard-` and the id of the home', 'What clients are told this server is called.'),
  maxPayload: optional(size(1, 64 * MIB), 'ipc.performance.maxMessageSize', 'Largest payload of one message.'),
  maxControlLine: defaulted(size(128, MIB), formatSize(nats.maxControlLineBytes), 'Longest line of the protocol.'),
  maxPending: defaulted(size(4 * MIB, 1024 * MIB), formatSize(nats.maxPendingBytes), 'Most bytes that wait for one client. One that does not read holds its publishers back for ipc.limits.stallTimeout at most; then they go on, and at this limit, or when it takes nothing for 10 s, it is ended as a slow consumer.'),
  maxConnections: defaulted(count(0, 1_000_000), nats.maxConnections, 'Most NATS clients at a time, over TCP and WebSocket together. 0: as many as the broker may have.'),
  maxSubscriptions: defaulted(count(0, 1_000_000), nats.maxSubscriptions, 'Most subscriptions of one client. 0: as ipc.limits.maxSubscriptions says.'),
  pingInterval: defaulted(duration(100, 24 * HOUR_MS), formatDuration(nats.pingIntervalMs), 'How often clients are pinged.'),
  maxPingsOut: defaulted(count(1, 100), nats.maxPingsOut, 'Pings without an answer after which a client is given up as stale.'),
  authTimeout: defaulted(duration(1, 10 * MINUTE_MS), formatDuration(nats.authTimeoutMs), 'Time for a client to authenticate.'),
  noAuthUser: optional(name, 'they are refused', 'The principal of clients that present no credential, one of `principals`; it needs none itself.'),
  tls: tls('TLS on the NATS port: clients begin it behind the greeting, and none may go on without.', {
    optional: defaulted(flag, false, 'Clients may go on without.'),
    first: defaulted(flag, false, 'Clients begin it before they are greeted. They must know that.'),
  }),
  lameDuck: defaulted(duration(0, 24 * HOUR_MS), formatDuration(nats.lameDuckMs), 'Time that clients have to go elsewhere before a stop ends them. 0: none.'),
  requestTimeout: defaulted(duration(1, 24 * HOUR_MS), formatDuration(nats.requestTimeoutMs), 'How long the answer of an agent or another native client to a NATS client\'s request may take.'),
  monitor: optional(
    map({
      host: defaulted(listenHost, nats.host, 'Where to listen.'),
      port: required(port, 'The port; 0: any that is free.'),
    }),
    'on the gateway\'s port alone',
    'The monitoring endpoints `/varz`, `/connz` and their kin on a port of their own.',
  ),
  websocket: optional(
    map({
      host: defaulted(listenHost, nats.host, 'Where to listen.'),
      port: required(port, 'The port; 0: any that is free.'),
      tls: tls('TLS on that port.', {}),
    }),
    'at `/nats` on the gateway\'s port alone',
    'NATS over WebSocket on a port of its own, at any path.',
  ),
})
