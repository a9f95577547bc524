// How whoever counts sockets is told what becomes of one.

/** Whoever counts a socket, until its client is let in and until it is gone. */
export interface Doorkeeper {
  /** The client was let in; called once or not at all. */
  admitted(): void
  /** The link is gone; called once and last. */
  left?(): void
}
