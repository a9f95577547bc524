// The life of the store of queues: it runs whether or not anybody needs it, and says whether it is open. Knows no files and no servers.
//
//                ┌────────────────── run ──────────────────┐
//   init ───────▶│ idle ── OPENED ──▶ open ── LOST ──▶ lost │
//                │                     ▲────── OPENED ──┘   │
//                └─────────────────────────────────────────┘

import { setup } from 'xstate'
import { endInOrder, phases, type EventOf, type LifecycleEvent } from './lifecycle.ts'

export type StoreEvent =
  | LifecycleEvent
  | EventOf<
      /** The first queue was there, or it could be opened again. */
      | 'OPENED'
      /** It cannot go on; another one is opened as soon as that can be. */
      | 'LOST'
    >

export const storeMachine = setup({ types: { events: {} as StoreEvent } }).createMachine({
  id: 'store',
  initial: 'create',
  states: {
    ...phases,
    run: {
      on: endInOrder,
      initial: 'idle',
      states: {
        idle: { on: { OPENED: 'open' } },
        open: { on: { LOST: 'lost' } },
        lost: { on: { OPENED: 'open' } },
      },
    },
  },
})
