// Opens the store that is in this process: the backends `embedded` and `memory`.

import type { QueueStore, StoreContext } from '../../ground/store.ts'
import { DamageList } from './damage-list.ts'
import { EmbeddedStore } from './embedded-store.ts'
import { StoreThread } from './store-thread.ts'

/**
 * A store on a thread of its own: in `queues.db` of the directory, or in memory when the settings say so.
 * @throws BrokerError `store.version`, `store.key`, `store.in_use`, `store.no_space`, `store.failed`
 */
export async function openEmbedded({ settings, directory, log, onFailed }: StoreContext): Promise<QueueStore> {
  const backend = settings.backend === 'memory' ? 'memory' : 'embedded'
  const { embedded } = settings
  const files = backend === 'memory' ? undefined : (embedded.path ?? directory)
  const damages = new DamageList(log)
  const thread = new StoreThread({ backend, directory: files, settings: embedded }, log, {
    damaged: (queue, position, problem) => damages.add({ queue, problem, ...(position > 0 && { position }) }),
    stateChanged: (problem) => {
      if (problem === undefined) log.info({ backend }, 'the store works again')
      else log.error({ err: problem, backend }, 'the store cannot work; it tries again by itself')
    },
    died: (error) => onFailed?.(error),
  })
  await thread.started
  const store = new EmbeddedStore(backend, thread, damages, files)
  if (files !== undefined && embedded.checkAtStart) store.checkSoon(files, log)
  return store
}
