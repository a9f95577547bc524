// Opens and closes TCP ports, and says in words why one cannot be had. Knows nothing of what is spoken there.

import type { AddressInfo, Server } from 'node:net'
import { BrokerError } from '../../broker/ground/errors.ts'
import { BACKLOG, listenOn, type ListeningSockets } from '../listening-sockets.ts'
import { withPort } from './address.ts'

/**
 * Has the server listen; gives the port, which the system chose where `port` is 0. `block` of the configuration says where it listens,
 * `sockets` whether a process before this one listens there already.
 * @throws BrokerError `listener.failed`
 */
export async function bindTcp(server: Server, host: string, port: number, block: string, sockets?: ListeningSockets): Promise<number> {
  const key = `tcp ${block} ${withPort(host, port)}`
  const inherited = sockets?.take(key)
  try {
    if (inherited !== undefined) await listenOn(server, inherited)
    else await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    throw new BrokerError('listener.failed', { path: withPort(host, port), problem: problemOf(error, block) }, { cause: error })
  }
  sockets?.add(key, server)
  return (server.address() as AddressInfo).port
}

/** Resolves when the port is free; connections go on, and end on their own account. */
export function unbind(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    // Node waits for the connections too.
    setImmediate(resolve)
  })
}

/** True when another program has the port. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof BrokerError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
}

function problemOf(error: unknown, block: string): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return `another program listens there; stop it, or set ${block}.port to another one`
  if (code === 'EACCES') return 'not permitted; ports below 1024 need a privilege'
  if (code === 'EADDRNOTAVAIL') return `this machine does not have that address; set ${block}.host to one that it has`
  return message
}
