// Connects a client on Node: a Unix socket, Node's hash, and the options of the environment.

import { createHmac } from 'node:crypto'
import { BrokerError } from '../broker/ground/errors.ts'
import { Client } from './client.ts'
import { clientOptions, socketPath, type ConnectOptions } from './options.ts'
import type { Platform } from './link.ts'
import { openUnixLink } from './unix-link.ts'

/**
 * A connected client. An agent that the broker started, and a program on the host of a broker with the default home,
 * need no options. One attempt is made; afterwards the client comes back by itself (see `retry`).
 * @throws BrokerError `connect.*`, `auth.*`, `session.id_taken`, `handshake.*`, `client.aborted`
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const { signal } = options
  throwIfAborted(signal)
  const client = new Client(nodePlatform(socketPath(options)), clientOptions(options))
  const abort = (): void => client.destroy()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    await client.open()
    client.on('closed', () => signal?.removeEventListener('abort', abort))
    return client
  } catch (error) {
    signal?.removeEventListener('abort', abort)
    throwIfAborted(signal)
    throw error
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new BrokerError('client.aborted', {}, { cause: signal.reason })
}

/** Node's surroundings of a client, for the Unix socket at `path`. */
export function nodePlatform(path: string): Platform {
  return {
    openLink: signal => openUnixLink(path, signal),
    hmac: (key, data) => createHmac('sha256', key).update(data).digest(),
    defer: task => {
      setImmediate(task)
    },
  }
}
