// The life of the registry: while it runs, requests to a name find its instances. Knows no instances.

import { setup } from 'xstate'
import { endInOrder, phases, type LifecycleEvent } from './lifecycle.ts'

export const registryMachine = setup({ types: { events: {} as LifecycleEvent } }).createMachine({
  id: 'registry',
  initial: 'create',
  states: { ...phases, run: { on: endInOrder } },
})
