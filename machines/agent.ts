// The life of a local agent: init starts its process, maintain replaces it by plan, draining asks it to end. Knows no processes.

import { setup } from 'xstate'
import { endInOrder, phases, type EventOf, type LifecycleEvent } from './lifecycle.ts'

export type AgentEvent =
  | LifecycleEvent
  | EventOf<
      | 'MAINTAIN'
      /** A connection came that identified itself as this agent. */
      | 'ATTACHED'
      /** That connection is gone. */
      | 'DETACHED'
    >

// A process runs before it has connected, and goes on running when its connection is lost: the client reconnects.
export const agentMachine = setup({ types: { events: {} as AgentEvent } }).createMachine({
  id: 'agent',
  initial: 'create',
  states: {
    ...phases,
    run: {
      on: { MAINTAIN: 'maintain', ...endInOrder },
      initial: 'detached',
      states: {
        detached: { on: { ATTACHED: 'attached' } },
        attached: { on: { DETACHED: 'detached' } },
      },
    },
  },
})
