// The life of the CPU pool: while it runs, work may go to threads. Knows no threads.

import { setup } from 'xstate'
import { endInOrder, phases, type LifecycleEvent } from './lifecycle.ts'

export const poolMachine = setup({ types: { events: {} as LifecycleEvent } }).createMachine({
  id: 'pool',
  initial: 'create',
  states: { ...phases, run: { on: endInOrder } },
})
