// The life of a supervisor: init starts its children in order, releasing stops them in reverse. Knows no strategy.

import { setup } from 'xstate'
import { endInOrder, phases, type EventOf, type LifecycleEvent } from './lifecycle.ts'

export type SupervisorEvent =
  | LifecycleEvent
  | EventOf<
      | 'MAINTAIN'
      /** A child is down and will be started anew. */
      | 'RESTARTING'
      /** No child waits for its restart any more. */
      | 'STEADY'
    >

export const supervisorMachine = setup({ types: { events: {} as SupervisorEvent } }).createMachine({
  id: 'supervisor',
  initial: 'create',
  states: {
    ...phases,
    run: {
      on: { MAINTAIN: 'maintain', ...endInOrder },
      initial: 'steady',
      states: {
        steady: { on: { RESTARTING: 'restarting' } },
        restarting: { on: { STEADY: 'steady' } },
      },
    },
  },
})
