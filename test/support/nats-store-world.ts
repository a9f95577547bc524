// Queues in JetStream of real servers, for tests of that store.

import { defaultStore } from '../../broker/ground/store-settings.ts'
import { openNats } from '../../broker/store/nats/open.ts'
import type { StoreWorld } from './queue-rig.ts'
import { recordedLog } from './recorded-log.ts'

export function natsWorld(servers: readonly string[], queue: string, replicas = 1, credentials?: string): StoreWorld {
  return { queue, open: broker => openNats({ settings: { ...defaultStore, backend: 'nats', nats: { servers, credentials, replicas } }, directory: '', log: recordedLog(), broker }) }
}
