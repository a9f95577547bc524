// The life of a listener: init binds the address, maintain hands it over to a new binding. Knows no sockets.

import { setup } from 'xstate'
import { endInOrder, phases, type EventOf, type LifecycleEvent } from './lifecycle.ts'

export type ListenerEvent = LifecycleEvent | EventOf<'MAINTAIN'>

export const listenerMachine = setup({ types: { events: {} as ListenerEvent } }).createMachine({
  id: 'listener',
  initial: 'create',
  states: { ...phases, run: { on: { MAINTAIN: 'maintain', ...endInOrder } } },
})
