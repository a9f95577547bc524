// Asks the kernel which process is at the other end of a Unix socket. Knows nothing of who may connect.

import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'
import type { Log } from '../broker/ground/types.ts'

/** A process as it was when it called connect(). */
export interface PeerCredentials {
  /** 0 for a process of another pid namespace, such as a container's: nothing can be said of it. */
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

/** `getsockopt` of the C library: 0, or -1 when the descriptor is no socket. */
type GetSocketOption = (fd: number, level: number, option: number, value: Int32Array, length: Uint32Array) => number

/** What is asked of the machine; tests give their own. */
export interface PeerSystem {
  readonly platform: NodeJS.Platform
  loadGetSocketOption(): GetSocketOption
}

// asm-generic/socket.h. MIPS, PA-RISC and SPARC number them otherwise; there is no Node 24 for those.
const SOL_SOCKET = 1
const SO_PEERCRED = 17
/** struct ucred: pid, uid, gid, 32 bits each. */
const UCRED_BYTES = 12
const NO_ID = -1

const thisSystem: PeerSystem = {
  platform: process.platform,
  loadGetSocketOption() {
    // Not a static import: koffi takes 7 to 11 ms to load, and by then the broker should be listening.
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
    return koffi.load(null).func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']) as GetSocketOption
  },
}

/**
 * A function that tells who is at the other end of the connected Unix socket `fd`.
 * It gives undefined when the kernel does not say (`fd` is no such socket), and always where the kernel cannot be asked:
 * then `log` says so once, and the directory's mode and the token are what protects the socket.
 * The first call loads the library; the others take 0.7 µs and allocate only their result.
 */
export function openPeerCredentials(log: Log, system: PeerSystem = thisSystem): (fd: number) => PeerCredentials | undefined {
  const ucred = new Int32Array(UCRED_BYTES / Int32Array.BYTES_PER_ELEMENT)
  const length = new Uint32Array(1)
  let getSocketOption: GetSocketOption | 'unavailable' | undefined
  return fd => {
    getSocketOption ??= load(log, system) ?? 'unavailable'
    if (getSocketOption === 'unavailable') return undefined
    length[0] = UCRED_BYTES
    if (getSocketOption(fd, SOL_SOCKET, SO_PEERCRED, ucred, length) !== 0) return undefined
    // A TCP socket or one that is not connected is answered too: by pid 0 and no ids.
    if (ucred[1] === NO_ID) return undefined
    // Ids are unsigned: 4294967294 is a common number for nobody.
    return { pid: ucred[0]!, uid: ucred[1]! >>> 0, gid: ucred[2]! >>> 0 }
  }
}

function load(log: Log, system: PeerSystem): GetSocketOption | undefined {
  let problem = `SO_PEERCRED belongs to Linux, this is ${system.platform}`
  try {
    if (system.platform === 'linux') return system.loadGetSocketOption()
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error)
  }
  log.warn({ problem }, 'the kernel cannot be asked which process a connection comes from; the mode of the directory and the token protect the socket')
  return undefined
}
