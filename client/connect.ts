// Connects a client on Node: a Unix socket or a WebSocket, Node's hash, and the options of the environment.

import { createHmac } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Client, ClientOptions } from './client.ts'
import { openClient } from './open-client.ts'
import { brokerAddress, clientOptions, type ConnectOptions } from './options.ts'
import type { Platform } from './link.ts'
import { NOBODY_THERE } from './reconnect.ts'
import { openUnixLink } from './unix-link.ts'
import { isWebSocketUrl, openWebSocketLink } from './websocket-link.ts'
import { nodeZstd } from './zstd.ts'

/** How long an agent waits for the broker that started it: agents start before the broker listens, and a fleet that starts keeps a small machine busy. ms */
const AGENT_PATIENCE_MS = 60_000
const AGENT_RETRY_MS = 50

/**
 * A connected client. An agent that the broker started, and a program on the host of a broker with the default home,
 * need no options. One attempt is made, by such an agent as many as it takes until its broker listens and has time for it, for 60 s;
 * afterwards the client comes back by itself (see `retry`).
 * @throws BrokerError `connect.*`, `auth.*`, `session.id_taken`, `handshake.*`, `client.aborted`
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const patientUntilMs = isStartedAgent(options) ? performance.now() + AGENT_PATIENCE_MS : 0
  for (;;) {
    try {
      return await openClient(nodePlatform(brokerAddress(options)), await traced(clientOptions(options), options.tracing), options.signal)
    } catch (error) {
      if (!isNotYetThere(error) || performance.now() >= patientUntilMs) throw error
    }
    await setTimeout(AGENT_RETRY_MS)
  }
}

// What traces is loaded when it is asked for.
async function traced(options: ClientOptions, tracing: ConnectOptions['tracing']): Promise<ClientOptions> {
  if (tracing === true) return { ...options, tracing: new (await import('./span-tracing.ts')).SpanTracing(options.identity.client ?? '') }
  if (tracing === 'propagate') return { ...options, tracing: new (await import('./header-tracing.ts')).HeaderTracing() }
  return options
}

function isStartedAgent({ agent, url, socket, home }: ConnectOptions): boolean {
  return Boolean(process.env['CALLBOARD_AGENT']) && agent !== false && url === undefined && socket === undefined && home === undefined
}

const NOT_YET_THERE: ReadonlySet<string> = new Set([...NOBODY_THERE, 'connect.timeout'])

function isNotYetThere(error: unknown): boolean {
  return error instanceof BrokerError && NOT_YET_THERE.has(error.code)
}

/** Node's surroundings of a client, for the gateway at a URL (`ws:`, `wss:`) or the Unix socket at a path. */
export function nodePlatform(address: string): Platform {
  const isUrl = isWebSocketUrl(address)
  return {
    openLink: signal => (isUrl ? openWebSocketLink(address, signal) : openUnixLink(address, signal)),
    isLookCheap: !isUrl,
    hmac: (key, data) => createHmac('sha256', key).update(data).digest(),
    zstd: nodeZstd(),
    defer: task => {
      setImmediate(task)
    },
  }
}
