// The suite of stores against what brokers do on top of a foreign store, which is plain data here.

import test from 'ava'
import { MemoryForeignStores } from '../support/memory-foreign-queue.ts'
import { storeConformance } from './store.ts'

storeConformance({
  name: 'brokered',
  declare: test,
  lacks: ['forward', 'expiry after restart'],
  runs: 100,
  world: () => {
    const stores = new MemoryForeignStores()
    return Promise.resolve({ queue: 'jobs', open: broker => stores.open(broker) })
  },
})
