// A link over a Unix socket. Knows bytes and the system's errors, no frames.

import { connect, type Socket } from 'node:net'
import { BrokerError, type ErrorCode } from '../broker/ground/errors.ts'
import type { ClientLink, LinkHandler } from './link.ts'
import { shareMemory } from './shared-memory.ts'

const CODES: Readonly<Record<string, ErrorCode>> = { ENOENT: 'connect.no_socket', ECONNREFUSED: 'connect.refused', EACCES: 'connect.forbidden', EPERM: 'connect.forbidden' }

/**
 * Opens the socket at `path`.
 * @throws BrokerError `connect.no_socket`, `connect.refused`, `connect.forbidden`, else `connection.lost`; the signal's reason when it aborts
 */
export function openUnixLink(path: string, signal: AbortSignal): Promise<ClientLink> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = connect(path)
    const abort = (): void => {
      socket.destroy()
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', abort, { once: true })
    const refuse = (error: Error): void => {
      signal.removeEventListener('abort', abort)
      reject(connectError(error, path))
    }
    socket.once('error', refuse)
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort)
      socket.removeListener('error', refuse)
      resolve(new UnixLink(socket))
    })
  })
}

function connectError(error: NodeJS.ErrnoException, path: string): BrokerError {
  return new BrokerError(CODES[error.code ?? ''] ?? 'connection.lost', { path, problem: error.message }, { cause: error })
}

class UnixLink implements ClientLink {
  readonly share = shareMemory
  readonly #socket: Socket
  #problem: Error | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    // An error may come before anyone is attached; `close` follows and tells it then.
    socket.on('error', error => {
      this.#problem = error
    })
    socket.pause()
  }

  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  attach(handler: LinkHandler): void {
    this.#socket.on('data', (chunk: Buffer) => handler.received(chunk))
    this.#socket.on('drain', () => handler.drained())
    this.#socket.on('close', () => handler.closed(this.#problem))
    this.#socket.resume()
  }

  write(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#socket.end()
    // A paused socket never sees the other end's FIN, and so would never close.
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
