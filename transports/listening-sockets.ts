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

/** What both processes have open by its name, and only one may read. */
export interface SharedEntrance {
  /** Takes in nothing from now on. */
  suspend(): void
  /** Goes on: the other process is gone. */
  resume(): void
  /** It is another process's. */
  leave(): void
}

export class ListeningSockets {
  /** Another process of this broker was there before, and may be still. */
  readonly isInherited: boolean
  readonly #inherited: Map<string, number>
  readonly #entrances = new Set<SharedEntrance>()
  /** What each listens on. Those that were closed are no longer asked. */
  readonly #servers = new Map<Server, string>()
  #suspended: readonly Suspended[] = []

  /** `inherited`: descriptors of the process before this one, by what they listen on. */
  constructor(inherited?: Iterable<readonly [key: string, fd: number]>) {
    this.isInherited = inherited !== undefined
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

  /** Beside the sockets. Gives what takes it out again. */
  share(entrance: SharedEntrance): () => void {
    this.#entrances.add(entrance)
    return () => void this.#entrances.delete(entrance)
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
    for (const entrance of this.#entrances) entrance.suspend()
    return true
  }

  /** Accepts again. */
  async resume(): Promise<void> {
    const suspended = this.#suspended
    this.#suspended = []
    for (const entrance of this.#entrances) entrance.resume()
    for (const { server, fd } of suspended) await listenOn(server, fd)
  }

  /** The sockets are another process's from now on. */
  leave(): void {
    for (const { fd } of this.#suspended) closeSync(fd)
    this.#suspended = []
    for (const entrance of this.#entrances) entrance.leave()
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
