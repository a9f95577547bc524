// Where queues can be kept. A backend is loaded when it is first wanted: a broker without queues pays for none of them.

import type { OpenStore, StoreBackend } from '../broker/ground/store.ts'

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
      return (await import('../broker/store/kafka/open.ts')).openKafka
  }
}
