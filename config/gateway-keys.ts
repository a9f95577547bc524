// The block `gateway`: where WebSocket is spoken, and with whom.

import { defaultSettings } from '../broker/ground/settings.ts'
import { block, defaulted, optional } from './keys.ts'
import { nodeCapabilitiesBlock } from './registry-keys.ts'
import { count, flag, hostName, list, listenHost, origin } from './kinds.ts'

const { gateway } = defaultSettings

const MAX_PORT = 65_535
const MAX_SOCKETS = 1_000_000

const onePerHost = optional(flag, 'true', 'One gateway per host: where the port is taken, this broker has none; false: then it takes a free one. `gateway.singleton` and `gateway.constraints.onePerHost` mean the same.')

export const gatewayBlock = block({
  enabled: defaulted(flag, gateway.enabled, 'Open the gateway at all.'),
  host: defaulted(listenHost, gateway.host, 'Where to listen; an address that this machine does not have ends the start. Beyond this machine there is no TLS: who is on the way can read along.'),
  port: optional(count(0, MAX_PORT), `${gateway.port}, and no gateway where that is taken`, 'The one port; 0: any that is free. A port that was asked for and is taken ends the start.'),
  singleton: onePerHost,
  constraints: block({
    onePerHost,
    centralizedState: defaulted(flag, true, 'The broker keeps the state of all its connections.'),
  }),
  nodeCapabilities: nodeCapabilitiesBlock,
  allowedOrigins: defaulted(list(origin), [], 'Web pages that may connect, beside those that the gateway itself serves.'),
  allowedHosts: defaulted(list(hostName), [], 'Names under which the gateway may be asked for (header Host), beside its address and localhost.'),
  limits: block({
    maxUnauthenticatedPerAddress: defaulted(count(0, MAX_SOCKETS), gateway.maxUnauthenticatedPerAddress, 'Most sockets of one address that have not authenticated yet. 0: no limit.'),
    maxUnauthenticated: defaulted(count(0, MAX_SOCKETS), gateway.maxUnauthenticated, 'Most sockets in all that have not authenticated yet. 0: no limit.'),
    maxConnectionsPerAddress: defaulted(count(0, MAX_SOCKETS), gateway.maxConnectionsPerAddress, 'Most sockets of one address. 0: no limit.'),
  }),
})
