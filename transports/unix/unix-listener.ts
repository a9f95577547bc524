// Listens on a Unix socket that only its owner can open. Makes links; knows nothing of who is let in.

import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { Link, Listener, Log } from '../../broker/ground/types.ts'
import { StreamLink } from '../stream-link.ts'

/** Longest path that fits a socket address on Linux. bytes */
const MAX_PATH_BYTES = 107
const PROBE_MS = 1000

/** Who is at the other end of a socket's descriptor, as the kernel says. */
export type PeerLookup = (fd: number) => { readonly pid: number; readonly uid: number } | undefined

export interface UnixListenerOptions {
  /** Absolute path. */
  readonly path: string
  readonly peerOf: PeerLookup
  readonly log: Log
  /** Called for each new link, which is paused until its owner resumes it. */
  readonly onLink: (link: Link) => void
}

/**
 * Opens the socket: mode 0600, in a directory that is made with 0700 when it is missing. A socket file that nobody
 * listens at any more is replaced.
 * @throws BrokerError `listener.failed`: somebody listens there, the path is something else, too long, or not permitted
 */
export async function listenUnix(options: UnixListenerOptions): Promise<Listener> {
  const { path, log } = options
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw failed(path, `the path has ${Buffer.byteLength(path)} bytes, a socket's may have ${MAX_PATH_BYTES}; set ipc.socket to a shorter one`)
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    await clearStale(path, log)
    const server = createServer({ pauseOnConnect: true, noDelay: false, allowHalfOpen: true }, (socket) => accept(socket, options))
    await listen(server, path)
    server.on('error', (error) => log.error({ err: error, path }, 'the listener failed'))
    return { address: path, close: () => close(server) }
  } catch (error) {
    throw error instanceof BrokerError ? error : failed(path, error instanceof Error ? error.message : String(error), error)
  }
}

function accept(socket: Socket, { peerOf, onLink }: UnixListenerOptions): void {
  const peer = peerOf(descriptorOf(socket))
  onLink(new StreamLink(socket, { address: 'unix', pid: peer?.pid, uid: peer?.uid }))
}

// Node tells the descriptor of a socket to no public interface; libuv's handle has it on every POSIX system.
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } }
  return handle?.fd ?? -1
}

// The mode must hold from the first moment: between bind and chmod anybody could connect. Node binds a path within the
// call of listen, so the mask of the process is changed for that call only.
async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // In a worker thread Node lets nobody change it; there the directory keeps others out until chmod.
    const umask = isMainThread ? process.umask(0o177) : undefined
    server.listen({ path, backlog: 4096 }, () => {
      server.off('error', reject)
      resolve()
    })
    if (umask !== undefined) process.umask(umask)
  })
  chmodSync(path, 0o600)
}

async function clearStale(path: string, log: Log): Promise<void> {
  const entry = lstatSync(path, { throwIfNoEntry: false })
  if (entry === undefined) return
  if (!entry.isSocket()) throw failed(path, 'something that is no socket stands there; move it away, or set ipc.socket to another path')
  if (await answers(path)) throw failed(path, 'another process listens there; stop it, or set ipc.socket to another path')
  log.warn({ path }, 'removing the socket that a broker left behind')
  rmSync(path, { force: true })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    const decide = (isThere: boolean): void => {
      probe.destroy()
      resolve(isThere)
    }
    probe.setTimeout(PROBE_MS, () => decide(true))
    probe.once('connect', () => decide(true))
    probe.once('error', () => decide(false))
  })
}

// Closing a server unlinks its path.
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    // Node waits for the connections too; the address is free now, and they end on their own account.
    setImmediate(resolve)
  })
}

function failed(path: string, problem: string, cause?: unknown): BrokerError {
  return new BrokerError('listener.failed', { path, problem }, cause === undefined ? undefined : { cause })
}
