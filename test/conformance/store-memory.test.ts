// The store in memory, as every store.

import test from 'ava'
import { defaultStore } from '../../broker/ground/store-settings.ts'
import { openEmbedded } from '../../broker/store/embedded/open.ts'
import { atOnce } from '../support/at-once.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { SharedStore } from '../support/shared-store.ts'
import { storeConformance } from './store.ts'

const few = atOnce(8)
const store = new SharedStore(() => openEmbedded({ settings: { ...defaultStore, backend: 'memory' }, directory: '', log: recordedLog(), broker: 'b1' }))

test.after.always(() => store.close())

storeConformance({
  name: 'memory',
  declare: (title, run) => test(title, few(run)),
  lacks: ['restart', 'sharing', 'attempts over restarts', 'history over restarts', 'expiry after restart', 'ids of settled messages over restarts'],
  runs: 20,
  world: () => Promise.resolve(store.world()),
})
