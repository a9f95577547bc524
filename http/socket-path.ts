// What is spoken on the WebSockets of one path of the HTTP server.

import type { Socket } from 'node:net'
import type { Peer } from '../broker/ground/types.ts'
import type { Doorkeeper } from '../transports/doorkeeper.ts'
import type { Deflation, DeflationOptions } from '../transports/websocket/deflation.ts'

/** A socket whose request to upgrade was answered. */
export interface UpgradedSocket {
  readonly socket: Socket
  /** As it is counted: without port. */
  readonly address: string
  readonly peer: Peer
  /** Counts the socket until its client is let in. */
  readonly visitor: Doorkeeper
  /** What was agreed on; undefined: no compression. */
  readonly deflation: Deflation | undefined
  /** What came behind the request. */
  readonly first: Uint8Array
}

export interface SocketPath {
  /** undefined: compression is not offered. */
  readonly deflation: DeflationOptions | undefined
  /** Takes a socket on: it is its owner's from now on. */
  open(upgraded: UpgradedSocket): void
}
