// Has the kernel probe silent TCP connections. Knows sockets' descriptors, and nothing of what runs over them.

import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type * as Koffi from 'koffi'

/** `setsockopt` of the C library: 0, or -1 when the descriptor is no such socket. */
type SetSocketOption = (fd: number, level: number, option: number, value: Int32Array, length: number) => number

export interface KeepAlive {
  /** Silence before the first probe, and between probes. ms, at least 1000 */
  readonly intervalMs: number
  /** Probes without an answer after which the connection is broken. */
  readonly probes: number
}

// asm-generic/socket.h, netinet/tcp.h
const SOL_SOCKET = 1
const SO_KEEPALIVE = 9
const IPPROTO_TCP = 6
const TCP_KEEPIDLE = 4
const TCP_KEEPINTVL = 5
const TCP_KEEPCNT = 6

/** What is asked of the machine; tests give their own. */
export interface KeepAliveSystem {
  readonly platform: NodeJS.Platform
  loadSetSocketOption(): SetSocketOption
}

const thisSystem: KeepAliveSystem = {
  platform: process.platform,
  loadSetSocketOption() {
    // Not a static import: koffi takes 7 to 11 ms to load, and by then the broker should be listening.
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
    return koffi.load(null).func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint']) as SetSocketOption
  },
}

/**
 * A function that turns keep-alive on for a connected TCP socket, with interval and number of probes. Where the system cannot
 * be told all of it, Node says what it can: when to begin.
 */
export function openTcpKeepAlive({ intervalMs, probes }: KeepAlive, system: KeepAliveSystem = thisSystem): (socket: Socket) => void {
  const seconds = Math.max(1, Math.round(intervalMs / 1000))
  const options: readonly (readonly [level: number, option: number, value: number])[] = [
    [SOL_SOCKET, SO_KEEPALIVE, 1],
    [IPPROTO_TCP, TCP_KEEPIDLE, seconds],
    [IPPROTO_TCP, TCP_KEEPINTVL, seconds],
    [IPPROTO_TCP, TCP_KEEPCNT, probes],
  ]
  const value = new Int32Array(1)
  let setSocketOption: SetSocketOption | 'unavailable' | undefined
  return (socket) => {
    setSocketOption ??= load(system) ?? 'unavailable'
    const fd = descriptorOf(socket)
    const isSet = setSocketOption !== 'unavailable' && fd >= 0 && options.every(([level, option, number]) => {
      value[0] = number
      return (setSocketOption as SetSocketOption)(fd, level, option, value, value.byteLength) === 0
    })
    if (!isSet) socket.setKeepAlive(true, seconds * 1000)
  }
}

function load(system: KeepAliveSystem): SetSocketOption | undefined {
  try {
    return system.platform === 'linux' ? system.loadSetSocketOption() : undefined
  } catch {
    return undefined
  }
}

// Node tells the descriptor of a socket to no public interface; libuv's handle has it on every POSIX system.
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } }
  return handle?.fd ?? -1
}
