// Makes a client and its first connection, under the caller's signal. Knows no environment.

import { BrokerError } from '../broker/ground/errors.ts'
import { Client, type ClientOptions } from './client.ts'
import type { Platform } from './link.ts'

/**
 * A client that is connected; one attempt. `signal` ends the attempt, and later the client.
 * @throws BrokerError `connect.*`, `auth.*`, `session.id_taken`, `handshake.*`, `client.aborted`
 */
export async function openClient(platform: Platform, options: ClientOptions, signal: AbortSignal | undefined): Promise<Client> {
  throwIfAborted(signal)
  const client = new Client(platform, options)
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
