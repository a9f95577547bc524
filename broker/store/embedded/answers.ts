// What the store thread tells the main thread: outcomes of operations and messages on lease in one piece of memory, what is rare beside it.

import type { ErrorCode } from '../../ground/errors.ts'
import type { QueueEvent } from '../../ground/store.ts'

/** Records of the packed part. `number` is the operation's, `first` the position of the first of them.
 *   stored      number first count
 *   duplicate   number position
 *   dropped     number count
 *   refused     number count error        an index into `errors`
 *   settled     number count position…    those that were lost
 *   unsettled   number error
 *   leased      queue count { position attempt source … }   0: bytes follow; n: in the n-th of `buffers`, start and length
 */
export const Answer = { stored: 1, duplicate: 2, dropped: 3, refused: 4, settled: 5, unsettled: 6, leased: 7 } as const

/** An error on its way between threads. */
export interface SentError {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, string | number | boolean | undefined>>
}

export interface Answers {
  readonly kind: 'answers'
  readonly memory: ArrayBuffer
  readonly length: number
  /** Batches that were worked off, given back; messages on lease may be in them until the answers were read. */
  readonly buffers: readonly ArrayBuffer[]
  readonly errors: readonly SentError[]
  readonly events: readonly (readonly [queue: number, events: readonly QueueEvent[]])[]
}
