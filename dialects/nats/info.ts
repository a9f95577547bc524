// INFO: what this server is and can, as its first line and again when that changes.

import { NATS_VERSION } from '../../broker/ground/nats-version.ts'

/** What is the same for all clients. */
export interface ServerInfo {
  readonly serverId: string
  readonly serverName: string
  /** Of Callboard; the version that clients compare is that of the nats-server whose protocol this is. */
  readonly callboardVersion: string
  readonly host: string
  readonly port: number
  readonly maxPayloadBytes: number
  /** Clients must present something. */
  readonly isAuthRequired: boolean
  readonly tls: { readonly verify: boolean; readonly isOptional?: boolean } | undefined
}

/** What is one client's own. */
export interface ClientInfo {
  /** Number of its connection. */
  readonly number: number
  /** `127.0.0.1:40112`, as the link has it. */
  readonly address: string
  /** To be signed by those who have an nkey; undefined: nobody has. */
  readonly nonce: string | undefined
  /** It came over a WebSocket, which has the TLS of its own port. */
  readonly isWebSocket: boolean
}

const PROTOCOL = 1

/** `isLameDuck`: clients that can should go elsewhere. */
export function infoLine(server: ServerInfo, client: ClientInfo, isLameDuck = false): string {
  const { tls } = server
  const hasTls = tls !== undefined && !client.isWebSocket
  const info = {
    server_id: server.serverId,
    server_name: server.serverName,
    version: NATS_VERSION,
    proto: PROTOCOL,
    callboard: server.callboardVersion,
    host: server.host,
    port: server.port,
    headers: true,
    ...(server.isAuthRequired ? { auth_required: true } : {}),
    ...(hasTls ? { [tls.isOptional === true ? 'tls_available' : 'tls_required']: true, ...(tls.verify ? { tls_verify: true } : {}) } : {}),
    max_payload: server.maxPayloadBytes,
    client_id: client.number,
    client_ip: hostOf(client.address),
    ...(client.nonce === undefined ? {} : { nonce: client.nonce }),
    ...(isLameDuck ? { ldm: true } : {}),
  }
  return `INFO ${JSON.stringify(info)}\r\n`
}

// `[::1]:40112` is `::1`.
function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}
