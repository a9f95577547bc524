// Tells systemd how the service is, by sd_notify(3): one datagram to the socket that NOTIFY_SOCKET names. Knows no broker.

import { byProcessor, libc } from './libc.ts'

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000

/**
 * `state` is lines such as `READY=1`.
 * @throws Error `name: ERRNO` when nobody takes it
 */
export function notifyService(socketPath: string, state: string): void {
  const system = libc()
  const fd = system.call('socket', byProcessor(41, 198), AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  try {
    const address = socketAddress(socketPath)
    system.call('connect', byProcessor(42, 203), fd, address, address.length)
    const text = Buffer.from(state)
    system.call('write', byProcessor(1, 64), fd, text, text.length)
  } finally {
    // Not Node's: it warns of a file that it did not open.
    system.call('close', byProcessor(3, 57), fd)
  }
}

/** sockaddr_un; a path that begins with `@` is in the abstract name space, where a zero stands for it. */
function socketAddress(path: string): Uint8Array {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`)
  const address = Buffer.alloc(2 + name.length)
  address.writeUInt16LE(AF_UNIX)
  name.copy(address, 2)
  return address
}
