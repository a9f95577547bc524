// The embedded store, in a file of its own, as every store.

import test from 'ava'
import type { QueueStore } from '../../broker/ground/store.ts'
import { defaultStore } from '../../broker/ground/store-settings.ts'
import { openEmbedded } from '../../broker/store/embedded/open.ts'
import { atOnce } from '../support/at-once.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { SharedStore } from '../support/shared-store.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { storeConformance } from './store.ts'

const few = atOnce(8)
const openIn = (directory: string) => (): Promise<QueueStore> => openEmbedded({ settings: defaultStore, directory, log: recordedLog(), broker: 'b1' })
const releases: (() => unknown)[] = []
const store = new SharedStore(openIn(temporaryDirectory({ teardown: release => void releases.push(release) })))

test.after.always(async () => {
  await store.close()
  for (const release of releases) await release()
})

storeConformance({
  name: 'embedded',
  declare: (title, run) => test(title, few(run)),
  lacks: ['sharing'],
  runs: 20,
  world: (t, restarts) => Promise.resolve(restarts ? { queue: 'jobs', open: openIn(temporaryDirectory(t)) } : store.world()),
})
