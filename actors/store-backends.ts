// Where queues can be kept. A backend is loaded when it is first wanted: a broker without queues pays for none of them.

import { BrokerError } from '../broker/ground/errors.ts'
import type { OpenStore, StoreBackend } from '../broker/ground/store.ts'

/** @throws BrokerError `store.failed` */
export async function storeOpener(backend: StoreBackend): Promise<OpenStore> {
  switch (backend) {
    case 'embedded':
    case 'memory':
      return (await import('../broker/store/embedded/open.ts')).openEmbedded
    case 'nats':
      return (await import('../broker/store/nats/open.ts')).openNats
    case 'redis':
      return (await import('../broker/store/redis/open.ts')).openRedis
    case 'kafka':
      throw new BrokerError('store.failed', { backend, problem: 'this version does not have it' })
  }
}
