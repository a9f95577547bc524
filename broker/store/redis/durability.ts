// What a Redis server is configured to keep, compared with what a queue asks for. A server that says nothing is believed nothing.

import type { Redis } from 'ioredis'
import { BrokerError } from '../../ground/errors.ts'
import { durabilities, type Durability } from '../../ground/store-settings.ts'

export interface Safety {
  /** The strongest that it gives. */
  readonly gives: Durability
  /** Why it gives no more, and the command that mends it. */
  readonly problem: string
  /** Its policy where it throws away what was kept when its memory is full. */
  readonly evicts: string | undefined
}

/** Asks the server. Where CONFIG is forbidden INFO says less: whether there is a file, not how often it is synced. */
export async function safetyOf(redis: Redis): Promise<Safety> {
  const config = await configOf(redis)
  if (config !== undefined) return { ...appendSafety(config.get('appendonly') === 'yes', config.get('appendfsync')), evicts: evicting(config.get('maxmemory-policy')) }
  const info = infoOf(`${await redis.info('persistence')}\r\n${await redis.info('memory')}`)
  return { ...appendSafety(info.get('aof_enabled') === '1', undefined), evicts: evicting(info.get('maxmemory_policy')) }
}

/** How a queue that asks for more than there is is refused; undefined: it has what it asks for. */
export function tooWeak(queue: string, asked: Durability, { gives: given, problem, evicts }: Safety): BrokerError | undefined {
  if (evicts !== undefined) return new BrokerError('store.durability', { queue, asked, backend: 'redis', given: 'what its memory has room for', problem: `maxmemory-policy is ${evicts}, which throws messages away; CONFIG SET maxmemory-policy noeviction` })
  if (durabilities.indexOf(asked) <= durabilities.indexOf(given)) return undefined
  return new BrokerError('store.durability', { queue, asked, backend: 'redis', given, problem })
}

function appendSafety(isAppending: boolean, fsync: string | undefined): Pick<Safety, 'gives' | 'problem'> {
  if (!isAppending) return { gives: 'memory', problem: 'appendonly is no; CONFIG SET appendonly yes, and CONFIG SET appendfsync always for fsync' }
  if (fsync === 'always') return { gives: 'fsync', problem: '' }
  if (fsync === undefined) return { gives: 'os', problem: 'the server does not let this user ask by CONFIG GET whether appendfsync is always; allow it, or set store.redis.strictDurability to false' }
  // With `no` the system has it before the answer, too: it is written at once, and never synced.
  return { gives: 'os', problem: `appendfsync is ${fsync}; CONFIG SET appendfsync always` }
}

function evicting(policy: string | undefined): string | undefined {
  return policy === undefined || policy === 'noeviction' ? undefined : policy
}

async function configOf(redis: Redis): Promise<Map<string, string> | undefined> {
  try {
    const found = new Map<string, string>()
    for (const pattern of ['append*', 'maxmemory-policy']) {
      const list = await redis.config('GET', pattern)
      for (let at = 0; at + 1 < list.length; at += 2) found.set(list[at]!, list[at + 1]!)
    }
    return found.has('appendonly') ? found : undefined
  } catch (error) {
    // Forbidden by an ACL, or renamed. What is no answer of the server is no answer at all.
    if (/NOPERM|unknown command/i.test(error instanceof Error ? error.message : '')) return undefined
    throw error
  }
}

function infoOf(text: string): Map<string, string> {
  return new Map(text.split('\r\n').flatMap((line) => (line.includes(':') ? [[line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const] : [])))
}
