// Connects, lets a command work, and leaves in order. The one place where a command becomes a client.

import { recordedSocket } from '../broker/ground/home-lock.ts'
import type { RetrySettings } from '../broker/ground/settings.ts'
import { connect, type Client } from '../client/index.ts'
import type { Context } from './context.ts'

interface Wishes {
  /** How to come back after a lost connection; by default a command fails then. */
  readonly retry?: Partial<RetrySettings>
}

/**
 * What `work` returns, after a goodbye to the broker.
 * @throws BrokerError `connect.*`, `auth.*` when there is no connection, and what `work` throws
 */
export async function withClient<T>(context: Context, work: (client: Client) => Promise<T>, wishes: Wishes = {}): Promise<T> {
  const environment = process.env
  // An agent's shell has its own address and credential; they stand unless another home was asked for.
  const own = !context.isHomeGiven && environment['CALLBOARD_SOCKET'] !== undefined
  const client = await connect({
    program: 'cli',
    home: context.paths.home,
    ...(!own && { socket: recordedSocket(context.paths) }),
    ...(context.isHomeGiven && { tokenFile: context.paths.token, principal: 'owner' }),
    retry: wishes.retry ?? false,
  })
  let result: T
  try {
    result = await work(client)
  } catch (error) {
    client.destroy()
    throw error
  }
  await client.close()
  return result
}
