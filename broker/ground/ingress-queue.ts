// What one connection sent behind a message that a thread works on waits here, so that order holds. Interface only.

/** Work that must be done before the turn of what waits for it. */
export interface Work {
  /** Begins it, or what is still to be done. IngressQueue.advance is called when it is done. */
  begin(): void
  readonly isDone: boolean
}

export interface IngressQueue {
  /** It is over: nobody wants results any more. */
  readonly isDropped: boolean
  /** Appends what is to be done in its turn; 'again': `work` begins again, and the turn comes again. `size`: bytes that it holds; `messages`: how many are in it. */
  add(size: number, messages: number, run: () => 'again' | void, work?: Work): void
  /** Some work is done: what can go on, does. */
  advance(): void
  /** The connection may go on after a pause that had nothing to do with this. */
  resumed(): void
  /** The connection is on its way out: what waits was never accepted. */
  drop(): void
}
