// The life of the link to NATS servers: it runs whether or not a server is there, and says which. Knows no sockets and keeps no time.
//
//                ┌──────────────────── run ────────────────────┐
//                │             JOINED                          │
//   init ───────▶│ connecting ─────────▶ joined                │
//                │   ▲  │ REFUSED  LOST    │                   │
//                │   │  ▼    ▲─────────────┘  (to connecting)  │
//                │  waiting, RETRY after the backoff           │
//                └─────────────────────────────────────────────┘

import { setup } from 'xstate'
import { endInOrder, phases, type EventOf, type LifecycleEvent } from './lifecycle.ts'

export type LinkEvent =
  | LifecycleEvent
  | EventOf<
      /** A server let the link in, and knows all that is wanted from it. */
      | 'JOINED'
      /** That server is gone. */
      | 'LOST'
      /** No server let it in. */
      | 'REFUSED'
      /** The backoff is over. */
      | 'RETRY'
    >

export const linkMachine = setup({ types: { events: {} as LinkEvent } }).createMachine({
  id: 'link',
  initial: 'create',
  states: {
    ...phases,
    run: {
      on: endInOrder,
      initial: 'connecting',
      states: {
        connecting: { on: { JOINED: 'joined', REFUSED: 'waiting' } },
        joined: { on: { LOST: 'connecting' } },
        waiting: { on: { RETRY: 'connecting' } },
      },
    },
  },
})
