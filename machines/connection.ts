// The life of a connection: init is the handshake, maintain is re-authentication in place. Knows no bytes.
//
//                      ┌────────── run ──────────┐              ┌─────── maintain ────────┐
//                      │         STALLED         │   MAINTAIN   │         STALLED         │
//   init ─INITIALISED─▶│ flowing ───────▶ stalled│ ───────────▶ │ flowing ───────▶ stalled│
//                      │         ◀───────        │ ◀─────────── │         ◀───────        │
//                      │         RELIEVED        │  MAINTAINED  │         RELIEVED        │
//                      └─────────────────────────┘              └─────────────────────────┘
//
// Messages flow on while a client proves itself anew, so maintain has the same two sub-states. It leads back to run, not
// to init: a connection is never restarted, its client reconnects and resumes the session.

import { setup } from 'xstate'
import { endInOrder, phases, type EventOf, type LifecycleEvent } from './lifecycle.ts'

export type ConnectionEvent =
  | LifecycleEvent
  | EventOf<
      /** Who it is has to be proven again. */
      | 'MAINTAIN'
      /** First slow verdict: more than high-water waits for the receiver. */
      | 'STALLED'
      /** What waits fell below low-water. */
      | 'RELIEVED'
    >

export const connectionMachine = setup({ types: { events: {} as ConnectionEvent } }).createMachine({
  id: 'connection',
  initial: 'create',
  states: {
    ...phases,
    run: {
      on: endInOrder,
      initial: 'flowing',
      states: {
        flowing: { on: { STALLED: 'stalled', MAINTAIN: '#connection.maintain.flowing' } },
        stalled: { on: { RELIEVED: 'flowing', MAINTAIN: '#connection.maintain.stalled' } },
      },
    },
    maintain: {
      on: endInOrder,
      initial: 'flowing',
      states: {
        flowing: { on: { STALLED: 'stalled', MAINTAINED: '#connection.run.flowing' } },
        stalled: { on: { RELIEVED: 'flowing', MAINTAINED: '#connection.run.stalled' } },
      },
    },
  },
})
