// Opens the store of backend `redis`: connects to the server that the configuration names.

import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import { BrokerError } from '../../ground/errors.ts'
import type { OpenStore, StoreContext } from '../../ground/store.ts'
import { RedisLink } from './redis-link.ts'
import { RedisStore } from './redis-store.ts'

/** An answer that takes longer never comes. A log that is rewritten on a slow disk takes seconds. ms */
const SILENCE_MS = 10_000

async function passwordOf({ redis: { passwordFile } }: StoreContext['settings']): Promise<string | undefined> {
  if (passwordFile === undefined) return undefined
  try {
    return (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '')
  } catch (error) {
    throw new BrokerError('config.invalid', { problem: `store.redis.passwordFile cannot be read: ${error instanceof Error ? error.message : String(error)}` }, { cause: error })
  }
}

async function tlsOf({ redis: { tls } }: StoreContext['settings']): Promise<ConnectionOptions> {
  const read = async (key: string, path: string | undefined): Promise<ConnectionOptions> => {
    if (path === undefined) return {}
    try {
      return { [key]: await readFile(path) }
    } catch (error) {
      throw new BrokerError('config.invalid', { problem: `store.redis.tls.${key} cannot be read: ${error instanceof Error ? error.message : String(error)}` }, { cause: error })
    }
  }
  return { ...(await read('ca', tls?.caFile)), ...(await read('cert', tls?.certFile)), ...(await read('key', tls?.keyFile)) }
}

/** @throws BrokerError `store.unavailable`, `store.failed`, `config.invalid` */
export const openRedis: OpenStore = (context) => openRedisWithin(context, SILENCE_MS)

/** With another patience, for tests of servers that stand still. ms */
export async function openRedisWithin(context: StoreContext, silenceMs: number): Promise<RedisStore> {
  const { settings, log, broker } = context
  const link = await RedisLink.open({ url: settings.redis.url, password: await passwordOf(settings), tls: await tlsOf(settings), name: `callboard-store-${broker}`, log, silenceMs })
  return new RedisStore(context, link)
}
