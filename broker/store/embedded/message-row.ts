// A message as it stands in a row of its queue. Names are those of the columns.

/**
 * In the column `attempts`: it was not handed out, although it stands below the mark of first attempts. Messages that were delayed, or came back
 * unread.
 */
export const UNTRIED = -1

/** What a lease needs to know of a message beside its frame. */
export interface MessageHead {
  readonly position: number
  /** As they stand in the row, UNTRIED or more; how often it was handed out says QueueState.attemptsOf. */
  readonly attempts: number
  /** 0 = at once. Milliseconds since the epoch, as all times here */
  readonly due_at: number
  /** 0 = never */
  readonly expires_at: number
  readonly stored_at: number
  /** 0 = none */
  readonly sequence: number
  /** As the store tells them apart: encrypted ones keep keyed hashes. */
  readonly session: string | null
  /** Of its frame as it stands in the row. */
  readonly bytes: number
  readonly sum: number
}

export interface MessageRow extends MessageHead {
  readonly message_id: string | null
  /** Its failed attempts: JSON, or that sealed. */
  readonly errors: string | Uint8Array | null
  readonly frame: Uint8Array
  /** What QueueSeal.open gives for it, where that was asked already. */
  readonly opened?: OpenedRow | string | undefined
}

/** A message out of its row. */
export interface OpenedRow {
  /** A view of the row's blob, or bytes of its own. */
  readonly frame: Uint8Array
  /** As they were published. */
  readonly messageId: string | undefined
  readonly session: string | undefined
}

/** Its `due_at` is the time of its death, as in its sum. */
export interface DeadRow extends MessageRow {
  readonly died_at: number
  readonly reason: string
}
