// The public face of `callboard/client/browser`: the same client for pages and workers. Nothing that it imports needs Node.

import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Client } from './client.ts'
import { NETWORK_SESSION_TTL_MS, withDefaults, type ConnectionOptions } from './connection-options.ts'
import type { Platform } from './link.ts'
import { openClient } from './open-client.ts'
import { openWebSocketLink } from './websocket-link.ts'

export * from './exports.ts'

export interface BrowserConnectOptions extends ConnectionOptions {
  /** Address of the broker's gateway, such as `wss://broker.example`. default: where the page came from */
  readonly url?: string
  /** The credential. default: none is sent, and the broker decides whether it needs one */
  readonly token?: string
}

/**
 * A connected client. One attempt is made; afterwards the client comes back by itself (see `retry`). The broker must
 * allow the page's origin, unless the page came from its gateway.
 * @throws BrokerError `connect.*`, `auth.*`, `session.id_taken`, `handshake.*`, `client.aborted`
 */
export async function connect(options: BrowserConnectOptions = {}): Promise<Client> {
  const program = options.program ?? 'browser'
  const names = {
    client: options.clientId ?? defaultClientId(program),
    program,
    ...(options.principal === undefined ? {} : { principal: options.principal }),
  }
  const credential = { token: options.token, auth: options.auth ?? ('challenge' as const) }
  const client = await openClient(browserPlatform(options.url ?? gatewayOfPage()), withDefaults(options, { names, credential: () => credential, sessionTtlMs: NETWORK_SESSION_TTL_MS }), options.signal)
  leaveWithPage(client)
  return client
}

// The broker need not keep the session of a page that is gone for good. Workers and Node have no such event.
function leaveWithPage(client: Client): void {
  const leave = ({ persisted }: PageTransitionEvent): void => {
    if (!persisted) client.destroy()
  }
  globalThis.addEventListener?.('pagehide', leave)
  client.on('closed', () => globalThis.removeEventListener?.('pagehide', leave))
}

// Chosen here so that it stays the same after a reconnect; two tabs must not take each other over.
function defaultClientId(program: string): string {
  const random = Array.from(crypto.getRandomValues(new Uint8Array(6)), byte => byte.toString(16).padStart(2, '0')).join('')
  return `${program.replace(/[^\w-]/g, '-').slice(0, 100)}-${random}`
}

function gatewayOfPage(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`
}

function browserPlatform(url: string): Platform {
  // setTimeout waits 4 ms when it is nested, and a second in a hidden tab; a port does not. A microtask would come
  // before the next frame of a sender that awaits each.
  const { port1, port2 } = new MessageChannel()
  const tasks: (() => void)[] = []
  port1.addEventListener('message', () => tasks.shift()?.())
  port1.start()
  // Where a page is rendered on Node, an open port would keep the process from ending.
  if ('unref' in port1) (port1 as unknown as { unref(): void }).unref()
  return {
    openLink: signal => openWebSocketLink(url, signal),
    hmac: (key, data) => hmac(sha256, key, data),
    defer: task => {
      tasks.push(task)
      port2.postMessage(undefined)
    },
  }
}
