// Opens Unix sockets that only their owner can open, and says in words why one cannot be had. Knows nothing of what is spoken there.

import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { connect, type Server, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { BrokerError } from '../../broker/ground/errors.ts'
import { socketDraft } from '../../broker/ground/socket-draft.ts'
import type { Log } from '../../broker/ground/types.ts'
import { BACKLOG, listenOn, type ListeningSockets } from '../listening-sockets.ts'

/** Longest path that fits a socket address on Linux. bytes */
const MAX_PATH_BYTES = 107
const PROBE_MS = 1000

/** Who is at the other end of a socket's descriptor, as the kernel says. */
export type PeerLookup = (fd: number) => { readonly pid: number; readonly uid: number } | undefined

/**
 * Has the server listen at the absolute path: mode 0600, in a directory that is made with 0700 when it is missing. A socket
 * file that nobody listens at any more is replaced. `key` of the configuration says where the path comes from.
 * @throws BrokerError `listener.failed`: somebody listens there, the path is something else, too long, or not permitted
 */
export async function bindUnix(server: Server, path: string, key: string, log: Log, sockets?: ListeningSockets): Promise<void> {
  const name = `unix ${path}`
  const inherited = sockets?.take(name)
  if (inherited !== undefined) {
    await listenOn(server, inherited)
    return sockets!.add(name, server)
  }
  if (isNamedPipe(path)) return listenAt(server, path)
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw failed(path, `the path has ${Buffer.byteLength(path)} bytes, a socket's may have ${MAX_PATH_BYTES}; set ${key} to a shorter one`)
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    await clearStale(path, key, log)
    await listen(server, path)
    sockets?.add(name, server)
  } catch (error) {
    throw error instanceof BrokerError ? error : failed(path, error instanceof Error ? error.message : String(error), error)
  }
}

/** What stands in the place of a Unix socket on Windows, such as `\\\\.\\pipe\\callboard`: no file, so nothing is made, left behind or taken away there. Untested: nobody has run it. */
export function isNamedPipe(path: string, platform: NodeJS.Platform = process.platform): boolean {
  return platform === 'win32' && path.startsWith('\\\\.\\pipe\\')
}

/** The descriptor of a socket, which Node tells to no public interface; libuv's handle has it on every POSIX system. -1: none */
export function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } }
  return handle?.fd ?? -1
}

/**
 * Closes the server of `bindUnix`, and takes its path away unless that leads elsewhere by now. Resolves when the address is free.
 */
export function unbindUnix(server: Server, path: string): Promise<void> {
  if (server.listening && !isNamedPipe(path)) rmSync(path, { force: true })
  return new Promise((resolve) => {
    server.close(() => resolve())
    // Node waits for the connections too; the address is free now, and they end on their own account.
    setImmediate(resolve)
  })
}

// Bound under another name and renamed: closing a server unlinks the name under which it was bound, and that must not be the path,
// which another process may listen on by then.
function draftOf(path: string): string {
  return join(dirname(path), socketDraft())
}

// The mode must hold from the first moment: between bind and chmod anybody could connect. Node binds a path within the
// call of listen, so the mask of the process is changed for that call only.
async function listen(server: Server, path: string): Promise<void> {
  // A name as short as the path's own, where that is near the limit.
  const draft = draftOf(path)
  // In a worker thread Node lets nobody change it; there the directory keeps others out until chmod.
  const umask = isMainThread ? process.umask(0o177) : undefined
  const listening = listenAt(server, draft)
  if (umask !== undefined) process.umask(umask)
  await listening
  chmodSync(draft, 0o600)
  renameSync(draft, path)
}

// Binds within the call.
function listenAt(server: Server, path: string): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function clearStale(path: string, key: string, log: Log): Promise<void> {
  const entry = lstatSync(path, { throwIfNoEntry: false })
  if (entry === undefined) return
  if (!entry.isSocket()) throw failed(path, `something that is no socket stands there; move it away, or set ${key} to another path`)
  if (await answers(path)) throw failed(path, `another process listens there; stop it, or set ${key} to another path`)
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

function failed(path: string, problem: string, cause?: unknown): BrokerError {
  return new BrokerError('listener.failed', { path, problem }, cause === undefined ? undefined : { cause })
}
