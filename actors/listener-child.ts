// A listener as a child of its supervisor: it holds an address and hands new links to the pipeline.

import type { Listener } from '../broker/ground/types.ts'
import { listenerMachine } from '../machines/listener.ts'
import { Actor } from './actor.ts'
import type { Environment } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'

/** The child `listener.<name>`; `open` binds the address, or gives nothing when the broker is to run without it. */
export function listenerChild(name: string, open: () => Promise<Listener | undefined>, environment: Environment): ChildSpec {
  const id = `listener.${name}`
  return {
    id,
    kind: 'listener',
    restart: 'permanent',
    create: () => {
      let address = ''
      return new Actor({
        id,
        kind: 'listener',
        machine: listenerMachine,
        environment,
        behaviour: {
          async init(scope) {
            const listener = await open()
            if (listener === undefined) return 'ignore'
            scope.defer(() => listener.close())
            address = listener.address
            scope.log.info({ address }, 'listening')
          },
          detail: () => address,
        },
      })
    },
  }
}
