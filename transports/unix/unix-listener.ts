// Listens on a Unix socket that only its owner can open. Makes links; knows nothing of who is let in.

import { chownSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { Link, Listener, Log, Peer } from '../../broker/ground/types.ts'
import type { HostMemory } from './host-memory.ts'
import { LendingLink } from './lending-link.ts'
import { StreamLink } from '../stream-link.ts'
import type { ListeningSockets } from '../listening-sockets.ts'
import { bindUnix, descriptorOf, unbindUnix, type PeerLookup } from './bind.ts'

/** chown(2): leaves the group as it is. */
const SAME = -1

export interface UnixListenerOptions {
  /** Absolute path. */
  readonly path: string
  /** The user who may open it, beside root. Default: that of this process. */
  readonly owner?: number | undefined
  readonly peerOf: PeerLookup
  readonly log: Log
  /** What a process before this one may listen on already. */
  readonly sockets?: ListeningSockets | undefined
  /** What it shares with clients of the same user; undefined: nothing. */
  readonly memory?: HostMemory | undefined
  /** Called for each new link, which is paused until its owner resumes it. */
  readonly onLink: (link: Link) => void
}

/**
 * Opens the socket, see `bindUnix`.
 * @throws BrokerError `listener.failed`
 */
export async function listenUnix(options: UnixListenerOptions): Promise<Listener> {
  const { path, owner, log } = options
  const server = createServer({ pauseOnConnect: true, noDelay: false, allowHalfOpen: true }, (socket) => accept(socket, options))
  await bindUnix(server, path, 'ipc.socket', log, options.sockets)
  // Only root may give it away; the mode stays 0600.
  if (owner !== undefined) chownSync(path, owner, SAME)
  server.on('error', (error) => log.error({ err: error, path }, 'the listener failed'))
  return { address: path, close: () => unbindUnix(server, path) }
}

function accept(socket: Socket, { peerOf, onLink, memory }: UnixListenerOptions): void {
  const found = peerOf(descriptorOf(socket))
  const peer: Peer = { address: 'unix', pid: found?.pid, uid: found?.uid }
  const isOwn = found !== undefined && found.uid === process.getuid?.()
  onLink(memory !== undefined && isOwn ? new LendingLink(socket, peer, memory) : new StreamLink(socket, peer))
}
