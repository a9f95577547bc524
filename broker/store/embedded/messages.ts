// What the two threads of a store say to each other, beside the answers.

import type { Durability, QueueCounts, QueueSettings, Selection, StoredMessage, StoredQuery } from '../../ground/store.ts'
import type { Answers, SentError } from './answers.ts'

/** What is asked for now and then, and what it comes to. */
export interface Calls {
  open(call: { readonly name: string; readonly settings: QueueSettings }): { readonly queue: number; readonly isPaused: boolean }
  close(call: { readonly queue: number }): void
  remove(call: { readonly name: string }): void
  names(call: object): readonly string[]
  counts(call: { readonly queue: number }): QueueCounts
  list(call: { readonly queue: number; readonly query: StoredQuery }): readonly StoredMessage[]
  replay(call: { readonly queue: number; readonly which: Selection }): number
  purge(call: { readonly queue: number; readonly which: 'waiting' | 'dead'; readonly selection: Selection }): number
  pause(call: { readonly queue: number; readonly isPaused: boolean }): void
  change(call: { readonly queue: number; readonly settings: QueueSettings }): void
}

export type CallName = keyof Calls
export type CallOf<Name extends CallName> = Parameters<Calls[Name]>[0]
export type ResultOf<Name extends CallName> = ReturnType<Calls[Name]>

/** One call by name. */
export type AnyCall = { readonly [Name in CallName]: { readonly name: Name; readonly body: CallOf<Name> } }[CallName]

/** Operations of a turn, see operations.ts. `first`: number of the first one that is answered. */
export interface Batch {
  readonly kind: 'batch'
  readonly memory: ArrayBuffer
  readonly length: number
  readonly first: number
  /** The strongest that is asked for in it. */
  readonly durability: Durability
}

export type ToThread = Batch | { readonly kind: 'call'; readonly number: number; readonly call: AnyCall } | { readonly kind: 'end' }

export type FromThread =
  | Answers
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: SentError }
  | { readonly kind: 'result'; readonly number: number; readonly value: unknown; readonly error: SentError | undefined }
  /** The store cannot work, or can again. */
  | { readonly kind: 'state'; readonly problem: SentError | undefined }
  | { readonly kind: 'damage'; readonly queue: string; readonly position: number; readonly problem: string }
