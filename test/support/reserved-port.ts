// Ports of a test's own, for servers that must know their ports, and each other's, before they listen, and that come back
// on the same one.
//
// While the test runs, a UDP socket holds the number: other tests that ask for a port find it taken, whichever process or
// thread they run in, and the kernel lets go of it however the test ends. The numbers lie below those that systems give to
// outgoing connections, so that nobody gets one by chance while its server is away.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { randomInt } from 'node:crypto'
import type { Teardown } from './temporary-directory.ts'

const HOST = '127.0.0.1'
const LOWEST = 10_240
// Linux gives 32768 and above to outgoing connections, other systems 49152 and above.
const BEYOND = 32_768

/** A TCP port where nobody listens and that no other test gets, at any address, until this one ends. */
export async function reservedPort(t: Teardown, host = HOST): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, BEYOND)
    const release = await reserve(port)
    if (release === undefined) continue
    if (await isFree(port, host)) {
      t.teardown(release)
      return port
    }
    await release()
  }
}

async function reserve(port: number): Promise<(() => Promise<void>) | undefined> {
  const socket = createSocket('udp4')
  const bound = once(socket, 'listening').then(() => true, () => false)
  // Not `reuseAddr`: the second who asks is refused.
  socket.bind({ port, address: HOST, exclusive: true })
  if (await bound) {
    // It holds a number, and must not hold the process.
    socket.unref()
    return async () => {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    }
  }
  return undefined
}

// By connecting. A listener of this process could be there for a moment longer: whatever another thread spawns has it until it runs its program.
async function isFree(port: number, host: string): Promise<boolean> {
  const socket = connect(port, host)
  const isRefused = await once(socket, 'connect').then(() => false, (error: unknown) => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED')
  socket.destroy()
  return isRefused
}
