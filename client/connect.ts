// Connects a client on Node: a Unix socket, Node's hash, and the options of the environment.

import { createHmac } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { BrokerError } from '../broker/ground/errors.ts'
import { Client } from './client.ts'
import { clientOptions, socketPath, type ConnectOptions } from './options.ts'
import type { Platform } from './link.ts'
import { openUnixLink } from './unix-link.ts'

/** How long an agent waits for the broker that started it: agents start before the broker listens. ms */
const AGENT_PATIENCE_MS = 10_000
const AGENT_RETRY_MS = 50

/**
 * A connected client. An agent that the broker started, and a program on the host of a broker with the default home,
 * need no options. One attempt is made, by such an agent as many as it takes until its broker listens, for 10 s;
 * afterwards the client comes back by itself (see `retry`).
 * @throws BrokerError `connect.*`, `auth.*`, `session.id_taken`, `handshake.*`, `client.aborted`
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const patientUntilMs = isStartedAgent(options) ? performance.now() + AGENT_PATIENCE_MS : 0
  for (;;) {
    try {
      return await attempt(options)
    } catch (error) {
      if (!isNotListening(error) || performance.now() >= patientUntilMs) throw error
    }
    await setTimeout(AGENT_RETRY_MS)
  }
}

async function attempt(options: ConnectOptions): Promise<Client> {
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

function isStartedAgent({ agent, socket, home }: ConnectOptions): boolean {
  return Boolean(process.env['CALLBOARD_AGENT']) && agent !== false && socket === undefined && home === undefined
}

function isNotListening(error: unknown): boolean {
  return error instanceof BrokerError && (error.code === 'connect.no_socket' || error.code === 'connect.refused')
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
