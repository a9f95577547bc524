// The life of a channel: init makes it reachable, draining delivers what it accepted, maintain changes its settings. Knows no messages.

import { setup } from 'xstate'
import { endInOrder, phases, type EventOf, type LifecycleEvent } from './lifecycle.ts'

export type ChannelEvent = LifecycleEvent | EventOf<'MAINTAIN'>

export const channelMachine = setup({ types: { events: {} as ChannelEvent } }).createMachine({
  id: 'channel',
  initial: 'create',
  states: { ...phases, run: { on: { MAINTAIN: 'maintain', ...endInOrder } } },
})
