// Asks a server to speak WebSocket on a fresh socket (RFC 6455 4.1).

import { randomBytes } from 'node:crypto'

const HEAD_END = Buffer.from('\r\n\r\n')

/** The request for a path at a loopback port. */
export function upgradeRequest(port: number, path: string): string {
  const key = randomBytes(16).toString('base64')
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`
}

/**
 * Reads the answer as it comes in pieces: undefined while it is not whole, then what stands behind it.
 * @throws Error with the server's words when they are not 101
 */
export class UpgradeAnswer {
  #received = Buffer.alloc(0)

  receive(bytes: Uint8Array): Uint8Array | undefined {
    this.#received = Buffer.concat([this.#received, bytes])
    const end = this.#received.indexOf(HEAD_END)
    if (end < 0) return undefined
    const head = this.#received.toString('latin1', 0, end)
    if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`no WebSocket here: ${this.#received.toString('latin1').replaceAll('\r\n', ' ').slice(0, 300)}`)
    return this.#received.subarray(end + HEAD_END.length)
  }
}
