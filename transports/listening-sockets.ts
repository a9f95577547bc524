// The sockets on which a broker listens, so that another process of it can go on with the same: who connects meanwhile waits in
// the kernel, and nobody is refused.
//
//   this process     listen ── suspend ─────────────▶ (nobody accepts) ── resume: as before
//   the next one               inherited descriptor ─▶ listen

import { closeSync } from 'node:fs'
import type { Server } from 'node:net'
import { duplicate } from '../native/duplicate.ts'

/** Connections that may wait to be accepted, as far as the system allows it. */
export const BACKLOG = 4096

interface Suspended {
  readonly server: Server
  readonly fd: number
}

export class ListeningSockets {
  readonly #inherited: Map<string, number>
  /** What each listens on. Those that were closed are no longer asked. */
  readonly #servers = new Map<Server, string>()
  #suspended: readonly Suspended[] = []
  readonly #places = new Set<() => void>()

  /** `inherited`: descriptors of the process before this one, by what they listen on. */
  constructor(inherited: Iterable<readonly [key: string, fd: number]> = []) {
    this.#inherited = new Map(inherited)
  }

  /** The descriptor that listens on `key` already; undefined: none does. It belongs to the caller. */
  take(key: string): number | undefined {
    const fd = this.#inherited.get(key)
    this.#inherited.delete(key)
    return fd
  }

  /** `server` listens on `key` until it is closed. */
  add(key: string, server: Server): void {
    this.#servers.set(server, key)
  }

  /**
   * What stands in the file system instead of a socket, where the next process puts its own in its place: `restore` is called when this one
   * goes on after all. Gives what ends that.
   */
  place(restore: () => void): () => void {
    this.#places.add(restore)
    return () => void this.#places.delete(restore)
  }

  /** Closes what was inherited and nobody took. */
  closeUntaken(): void {
    for (const fd of this.#inherited.values()) closeSync(fd)
    this.#inherited.clear()
  }

  /** What is listened on, and the descriptors. */
  get descriptors(): readonly (readonly [key: string, fd: number])[] {
    return this.#listening.map(([server, key]) => [key, descriptorOf(server)])
  }

  /** Accepts nobody from now on; the sockets stay. False: that cannot be done here, and nothing is changed. */
  suspend(): boolean {
    const suspended: Suspended[] = []
    for (const [server] of this.#listening) {
      const fd = duplicate(descriptorOf(server))
      if (fd === undefined) {
        for (const { fd: copy } of suspended) closeSync(copy)
        return false
      }
      suspended.push({ server, fd })
    }
    this.#suspended = suspended
    for (const { server } of suspended) server.close()
    return true
  }

  /** Accepts again. */
  async resume(): Promise<void> {
    const suspended = this.#suspended
    this.#suspended = []
    for (const { server, fd } of suspended) await listenOn(server, fd)
    for (const restore of this.#places) restore()
  }

  /** The sockets are another process's from now on. */
  leave(): void {
    for (const { fd } of this.#suspended) closeSync(fd)
    this.#suspended = []
  }

  get #listening(): readonly (readonly [Server, string])[] {
    for (const server of this.#servers.keys()) if (!server.listening) this.#servers.delete(server)
    return [...this.#servers]
  }
}

/** Has the server listen on a socket that listens already; the descriptor is the server's then. */
export function listenOn(server: Server, fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ fd, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

// Node tells the descriptor of a server to no public interface; libuv's handle has it on every POSIX system.
function descriptorOf(server: Server): number {
  const { _handle: handle } = server as Server & { _handle?: { fd?: number } | null }
  return handle?.fd ?? -1
}
