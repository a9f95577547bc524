// One broker of an identity on this host: what a copy of a home would otherwise start beside the home itself. Knows no home lock.
//
// Two homes with one identity are two brokers whose messages have the same ids, and the copy's list of agents names those of the other. So
// whoever runs listens at a name made of its identity, in the abstract name space of Unix sockets: it goes with the process, leaves no file, and is
// one for the host, or for the container with a network of its own.

import { connect, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Log } from '../broker/ground/types.ts'
import { openPeerCredentials } from '../native/peer-credentials.ts'

export interface IdentityClaim {
  /** Gives the identity back. */
  release(): void
}

const ANSWER_MS = 1000
const AGAIN_MS = 100
const ATTEMPTS = 20

/**
 * Claims the identity for this process until `release()`. Where the system has no such names nothing is claimed.
 * @param home as others are told of it
 * @throws BrokerError `home.copied` when a broker of this user, or root's, runs from another home with the same identity
 */
export async function claimIdentity(broker: string, home: string, log: Log): Promise<IdentityClaim> {
  if (process.platform !== 'linux') return { release() {} }
  const name = `\0callboard/${broker}`
  let waiting: NodeJS.Timeout | undefined
  let server: Server | undefined
  const claim: IdentityClaim = {
    release() {
      clearInterval(waiting)
      server?.close()
    },
  }
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    server = await listen(name, home)
    if (server !== undefined) return claim
    const holder = await ask(name, log)
    if (holder === undefined) {
      // It ended in this moment.
      await delay(AGAIN_MS)
      continue
    }
    if (holder.home === home) {
      // The broker before this one in the same home, which is about to end.
      waiting = setInterval(() => void listen(name, home).then(made => {
        if (made === undefined) return
        server = made
        clearInterval(waiting)
      }), AGAIN_MS).unref()
      return claim
    }
    if (holder.uid === undefined || holder.uid === process.getuid?.() || holder.uid === 0) throw new BrokerError('home.copied', { home, other: holder.home, pid: String(holder.pid) })
    break
  }
  // Whoever it is, another user must not keep this one's broker from starting.
  log.warn({ broker }, 'a process of another user claims the identity of this broker')
  return claim
}

/** undefined: somebody else listens there. */
function listen(name: string, home: string): Promise<Server | undefined> {
  return new Promise(resolve => {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.end(`${process.pid}\n${home}\n`)
    })
    server.once('error', () => resolve(undefined))
    server.listen(name, () => {
      // What fails later, such as accepting without a free descriptor, is no matter of the broker.
      server.on('error', () => {})
      server.unref()
      resolve(server)
    })
  })
}

/** Who listens there; undefined: nobody, or nobody who says. */
async function ask(name: string, log: Log): Promise<{ pid: number; uid: number | undefined; home: string } | undefined> {
  const socket = connect(name)
  const timer = setTimeout(() => socket.destroy(), ANSWER_MS)
  try {
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    const uid = openPeerCredentials(log)(descriptorOf(socket))?.uid
    const [pid, home] = (await text(socket)).split('\n')
    return home === undefined ? undefined : { pid: Number(pid), uid, home }
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

function descriptorOf(socket: Socket): number {
  // Node has no public way to it.
  return (socket as unknown as { _handle: { fd: number } })._handle.fd
}
