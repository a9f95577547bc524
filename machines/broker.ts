// The life of the broker itself: init takes the home, draining is what SIGTERM asks for, maintain reloads. Knows no parts of it.

import { setup } from 'xstate'
import { endInOrder, phases, type EventOf, type LifecycleEvent } from './lifecycle.ts'

export type BrokerEvent = LifecycleEvent | EventOf<'MAINTAIN'>

export const brokerMachine = setup({ types: { events: {} as BrokerEvent } }).createMachine({
  id: 'broker',
  initial: 'create',
  states: { ...phases, run: { on: { MAINTAIN: 'maintain', ...endInOrder } } },
})
