// Addresses of sockets: whose they are, and how they are written. Looks nothing up.

import { isIP, type Socket } from 'node:net'
import type { Peer } from '../../broker/ground/types.ts'

/**
 * True for names and addresses of this machine itself: `localhost`, `::1` and 127.0.0.0/8. Only four numbers are an IPv4 address:
 * `127.1`, `0177.0.0.1` and `127.evil.example` are names like any other.
 */
export function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))
}

/** An address as it is counted and shown: IPv4 in IPv6 clothes is IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}

/** The address with the port, as URLs write it. */
export function withPort(address: string, port: number): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`
}

/** Who is at the other end of a connected TCP socket; `address` as `plainAddress` gives it. */
export function tcpPeer(socket: Socket, address: string): Peer {
  const isLocal = isLoopback(address) || address === plainAddress(socket.localAddress ?? '')
  return { address: withPort(address, socket.remotePort ?? 0), pid: undefined, uid: undefined, network: isLocal ? 'local' : 'remote' }
}
