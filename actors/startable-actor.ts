// An actor that somebody else may start: what a supervisor needs of its children. Nothing here runs.

import type { ActorHandle, ExitReason } from '../broker/ground/types.ts'

/** `'ok'`: it runs. `'ignore'`: there is nothing for it to do here. Otherwise why it ended before it ran; nothing of it is left then. */
export type StartResult = 'ok' | 'ignore' | ExitReason

export interface StartableActor extends ActorHandle {
  /** Starts it; called once. Never rejects. Unless it runs, `onExit` was called before this resolves. */
  start(): Promise<StartResult>
}
