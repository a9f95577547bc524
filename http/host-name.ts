// Names and addresses as the headers of a request write them. Looks nothing up.

import { isIP } from 'node:net'

/** `name`, `name:port`, `1.2.3.4:port`, `[::1]:port`, taken apart; undefined when it is none of these. `name` is in lower case and has no brackets. */
export function parseHost(text: string): { readonly name: string; readonly port: string } | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i.exec(text)
  if (match === null) return undefined
  const [, address, name, port = ''] = match
  if (address !== undefined) return isIP(address) === 6 ? { name: address.toLowerCase(), port } : undefined
  return { name: name!.toLowerCase(), port }
}

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
