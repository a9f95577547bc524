// Opens the store that is in this process: the backends `embedded` and `memory`.

import { BrokerError } from '../../ground/errors.ts'
import type { QueueStore, StoreContext } from '../../ground/store.ts'
import { EmbeddedStore } from './embedded-store.ts'
import { StoreThread } from './store-thread.ts'

/**
 * A store on a thread of its own: in `queues.db` of the directory, or in memory when the settings say so.
 * @throws BrokerError `store.version`, `store.key`, `store.in_use`, `store.no_space`, `store.failed`
 */
export async function openEmbedded({ settings, directory, log, onFailed }: StoreContext): Promise<QueueStore> {
  const backend = settings.backend === 'memory' ? 'memory' : 'embedded'
  const { embedded } = settings
  const thread = new StoreThread({ backend, directory: backend === 'memory' ? undefined : (embedded.path ?? directory), settings: embedded }, log, {
    damaged: (queue, position, problem) => {
      const { message } = new BrokerError('store.damaged', { queue, place: position === 0 ? 'its rows' : `position ${position}`, problem })
      log.error({ queue, position, problem }, message)
    },
    stateChanged: (problem) => {
      if (problem === undefined) log.info({ backend }, 'the store works again')
      else log.error({ err: problem, backend }, 'the store cannot work; it tries again by itself')
    },
    died: (error) => onFailed?.(error),
  })
  await thread.started
  return new EmbeddedStore(backend, thread)
}
