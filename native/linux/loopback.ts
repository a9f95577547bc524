// Switches on the loopback of a network namespace of one's own. Knows nothing else of networks.

import { byProcessor, libc } from './libc.ts'

const AF_INET = 2
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2_000_000
const SIOCSIFFLAGS = 0x8914
const IFF_UP_RUNNING = 0x41
const INTERFACE_REQUEST_BYTES = 40
const FLAGS_AT = 16

/** @throws Error with the call that the kernel refused */
export function raiseLoopback(): void {
  const socket = libc().call('socket', byProcessor(41, 198), AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  const request = Buffer.alloc(INTERFACE_REQUEST_BYTES)
  request.write('lo')
  request.writeUInt16LE(IFF_UP_RUNNING, FLAGS_AT)
  libc().call('ioctl SIOCSIFFLAGS lo', byProcessor(16, 29), socket, SIOCSIFFLAGS, request)
  libc().call('close', byProcessor(3, 57), socket)
}
