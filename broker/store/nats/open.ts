// Opens the store of backend `nats`: connects to the servers that the configuration names.

import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type TlsOptions } from '@nats-io/transport-node'
import { BrokerError } from '../../ground/errors.ts'
import type { OpenStore, StoreContext } from '../../ground/store.ts'
import { unavailable } from './asker.ts'
import { authenticatorOf } from './credentials.ts'
import { NatsStore } from './nats-store.ts'

/** Time to be let in, and for one question. ms */
const TIMEOUT_MS = 5000
/** Between two tries to connect again, and their random share. ms */
const RECONNECT_MS = 250
const JITTER_MS = 250
/** A server that says nothing for three of these is given up. ms */
const PING_MS = 2000

// Without this the library leaves it to the server whether there is TLS: one that is tls:// is never spoken to in clear.
function tlsOf({ servers, tls }: StoreContext['settings']['nats']): TlsOptions | undefined {
  if (tls === undefined) return servers.some((server) => server.startsWith('tls://')) ? {} : undefined
  const { caFile, certFile, keyFile } = tls
  return { ...(caFile !== undefined && { caFile }), ...(certFile !== undefined && { certFile }), ...(keyFile !== undefined && { keyFile }) }
}

/** @throws BrokerError `store.unavailable`, `config.invalid` */
export const openNats: OpenStore = async (context) => {
  const { servers, credentials } = context.settings.nats
  const tls = tlsOf(context.settings.nats)
  if (servers.length === 0) throw new BrokerError('config.invalid', { problem: 'store.nats.servers names no server; the backend nats needs at least one' })
  try {
    const connection = await connect({
      servers: [...servers],
      name: `callboard store ${context.broker}`,
      ...(credentials === undefined ? {} : { authenticator: authenticatorOf(credentials) }),
      ...(tls === undefined ? {} : { tls }),
      timeout: TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      reconnectJitter: JITTER_MS,
      ignoreAuthErrorAbort: true,
      pingInterval: PING_MS,
      maxPingOut: 2,
      noAsyncTraces: true,
    })
    try {
      const manager = await jetstreamManager(connection, { timeout: TIMEOUT_MS })
      return await NatsStore.open(context, connection, manager)
    } catch (error) {
      await connection.close()
      throw error
    }
  } catch (error) {
    if (error instanceof BrokerError) throw error
    throw unavailable(`${servers.join(', ')}: ${error instanceof Error ? error.message : String(error)}`, error)
  }
}
