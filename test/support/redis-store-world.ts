// Queues in a real Redis server, for tests of that store.

import { defaultStore, type StoreSettings } from '../../broker/ground/store-settings.ts'
import type { Log } from '../../broker/ground/types.ts'
import { openRedisWithin } from '../../broker/store/redis/open.ts'
import type { StoreWorld } from './queue-rig.ts'
import { recordedLog } from './recorded-log.ts'

export interface RedisWorldOptions extends Partial<StoreSettings['redis']> {
  readonly silenceMs?: number
  readonly log?: Log
}

export function redisWorld(url: string, queue: string, { silenceMs = 60_000, log = recordedLog(), ...redis }: RedisWorldOptions = {}): StoreWorld {
  return { queue, open: broker => openRedisWithin({ settings: { ...defaultStore, backend: 'redis', redis: { ...defaultStore.redis, url, ...redis } }, directory: '', log, broker }, silenceMs) }
}
