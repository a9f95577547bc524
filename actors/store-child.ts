// The store of queues as a child of its supervisor: opened when the first queue is, closed when all of them are.

import { join } from 'node:path'
import type { Core } from '../broker/core.ts'
import type { OpenStore } from '../broker/ground/store.ts'
import { defaultBackoff } from '../broker/ground/settings.ts'
import { storeMachine } from '../machines/store.ts'
import { Actor } from './actor.ts'
import type { Environment } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'
import { storeOpener } from './store-backends.ts'
import { StoreKeeper } from './store-keeper.ts'

/** Time that it has to write what it accepted and to close. ms */
const CLOSE_MS = 30_000

/** `home`: where a store that keeps files has its directory. `load` is given by tests. */
export function storeChild(core: Core, home: string, environment: Environment, load: () => Promise<OpenStore> = () => storeOpener(core.settings.store.backend)): ChildSpec {
  const { queues, settings, broker } = core
  return {
    id: 'store',
    kind: 'store',
    restart: 'permanent',
    shutdownMs: CLOSE_MS,
    create: () => {
      let keeper: StoreKeeper | undefined
      return new Actor({
        id: 'store',
        kind: 'store',
        machine: storeMachine,
        environment,
        releaseMs: CLOSE_MS,
        behaviour: {
          init(scope) {
            const made = new StoreKeeper({
              queues,
              context: { settings: settings.store, directory: settings.store.embedded.path ?? join(home, 'store'), log: scope.log, broker },
              load,
              backoff: defaultBackoff,
              deadlines: environment.deadlines,
              log: scope.log,
              onEdge: (type) => scope.send({ type }),
            })
            keeper = made
            queues.source = () => made.open()
            queues.keeper = made
            scope.defer(async () => {
              queues.source = queues.keeper = undefined
              queues.store = undefined
              await made.close()
            })
          },
          detail(state) {
            const { backend } = settings.store
            if (state === 'run.idle') return `${backend}, not opened: no queue needs it`
            if (state === 'run.lost') return `${backend}, opened again soon: ${keeper?.problem?.message ?? ''}`
            const { length } = queues.list()
            return `${backend}, ${length} ${length === 1 ? 'queue' : 'queues'}`
          },
        },
      })
    },
  }
}
