// Waits for the end of a stream or socket, whether it closes in order or is reset: `once` of Node's events fails on a reset.

import type { EventEmitter } from 'node:events'

/** Resolves when `emitter` has emitted `close`. Its `error` event, if it has one, must have a listener of the caller's. */
export function closed(emitter: EventEmitter): Promise<void> {
  return new Promise(resolve => emitter.once('close', () => resolve()))
}
