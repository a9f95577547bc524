// Connects, lets a command work, and leaves in order. The one place where a command becomes a client.

import { recordedSocket } from '../broker/ground/home-lock.ts'
import type { RetrySettings } from '../broker/ground/settings.ts'
import { connect, type Client, type ConnectOptions } from '../client/index.ts'
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
  const client = await connect({ ...addressOf(context), retry: wishes.retry ?? false })
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

/** Which broker the commands talk to, and as whom: the same for every one of them. */
export function addressOf(context: Context): ConnectOptions {
  // The token is that of the home, or of the environment, whatever the way.
  if (context.url !== undefined) return { program: 'cli', agent: false, url: context.url, ...(context.isHomeGiven && { home: context.paths.home }) }
  // In a program that an agent runs, address and credential are the agent's; they stand unless another home was asked for.
  const isAddressed = !context.isHomeGiven && Boolean(process.env['CALLBOARD_SOCKET'])
  return {
    program: 'cli',
    agent: false,
    ...(context.isHomeGiven && { home: context.paths.home }),
    ...(!isAddressed && { socket: recordedSocket(context.paths) }),
  }
}
