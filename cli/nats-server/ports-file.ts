// The file that tells whoever started the server where it listens: `nats-server_<pid>.ports`, as nats-server writes it.

import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'

/** URLs, of which those with an address of this machine come first. */
export interface Ports {
  readonly nats: readonly string[]
  readonly monitoring?: readonly string[]
  readonly websocket?: readonly string[]
}

const EVERY_ADDRESS = new Set(['0.0.0.0', '::', '[::]'])

/** The URLs of a listener at `host:port`: for one at every address those of each network interface. */
export function urlsOf(protocol: string, host: string, port: number): string[] {
  if (!EVERY_ADDRESS.has(host)) return [`${protocol}://${inUrl(host)}:${port}`]
  const found = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses)
  const isIpv4Only = host === '0.0.0.0'
  const addresses = found.filter(({ family }) => family === 'IPv4' || !isIpv4Only).map(({ address }) => address)
  // Launchers take the first.
  const local = addresses.filter((address) => address === '127.0.0.1')
  return [...local, ...addresses.filter((address) => address !== '127.0.0.1')].map((address) => `${protocol}://${inUrl(address)}:${port}`)
}

/** Writes it whole or not at all: launchers read it as soon as it is there. Returns its path. */
export function writePortsFile(directory: string, ports: Ports): string {
  const path = join(directory, `nats-server_${process.pid}.ports`)
  const draft = `${path}.draft`
  writeFileSync(draft, JSON.stringify(ports))
  renameSync(draft, path)
  return path
}

export function removePortsFile(path: string): void {
  rmSync(path, { force: true })
}

function inUrl(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}
