// What every chart's table has in common, as expected values for their tests.

/** Ends in order, or now. */
export const endInOrder = { STOP: 'terminate.draining', FINISHED: 'terminate.releasing', FAILED: 'terminate.releasing', KILL: 'terminate.releasing' }

/** The same before anything was accepted: there is nothing to drain. */
export const endAtOnce = { ...endInOrder, STOP: 'terminate.releasing' }

/** From STOP to the end. */
export const ending = {
  'terminate.draining': { DRAINED: 'terminate.releasing', FINISHED: 'terminate.releasing', FAILED: 'terminate.releasing', KILL: 'terminate.releasing' },
  'terminate.releasing': { RELEASED: 'exited' },
  exited: {},
}
