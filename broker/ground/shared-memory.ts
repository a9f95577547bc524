// How two ends of a link come to share memory: what is offered, and where it stands. Nothing here runs.

/** What a client is told in the welcome. */
export interface MemoryOffer {
  /** Where the broker's segments are, for reading. Absolute; mode 0700, and its name cannot be guessed. */
  readonly directory: string
  /** Where the client may put segments of its own; below `directory`, and gone with the connection. */
  readonly own: string
  /** What is written in one piece goes this way from this size on. bytes */
  readonly thresholdBytes: number
  /**
   * Most that a client has on loan, but for a single frame that is larger: the broker reads all of it in one turn, and no receiver's reserve
   * is larger. bytes
   */
  readonly aheadBytes: number
}

/** Of one link of the broker: memory in which large pieces pass, beside the socket. */
export interface LinkMemory {
  /** Makes the client's directory. undefined: there is no memory to be had. */
  offer(): MemoryOffer | undefined
  /** The client sees the directory: from now on large pieces may go that way. */
  begin(): void
  /** The client has read segment `number`. One that is not with it is passed over: it was of another link. */
  returned(number: number): void
  /**
   * What the client has put into its segment, in bytes of the caller's own.
   * @throws BrokerError `memory.unreadable`
   */
  take(number: number, bytes: number): Uint8Array
}

/** The broker's own segments lie in it, each as `s<number>`, and a client's in a directory of its own. */
export function segmentName(number: number): string {
  return `s${number}`
}
