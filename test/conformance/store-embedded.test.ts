// The embedded store, in a file of its own, as every store.

import test from 'ava'
import { defaultStore } from '../../broker/ground/store-settings.ts'
import { openEmbedded } from '../../broker/store/embedded/open.ts'
import { atOnce } from '../support/at-once.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { storeConformance } from './store.ts'

const few = atOnce(8)

storeConformance({
  name: 'embedded',
  declare: (title, run) => test(title, few(run)),
  lacks: ['sharing'],
  runs: 20,
  world: (t) => {
    const directory = temporaryDirectory(t)
    return Promise.resolve({ queue: 'jobs', open: () => openEmbedded({ settings: defaultStore, directory, log: recordedLog(), broker: 'b1' }) })
  },
})
