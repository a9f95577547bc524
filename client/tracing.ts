// What a client asks of whoever traces it. Interface only; without one the client does nothing for traces.

import type { Headers } from '../broker/wire/frame.ts'
import type { Message } from './message.ts'

export type SendingOperation = 'publish' | 'request'

/** What of an operation's options concerns traces. */
export interface TracedOptions {
  readonly headers?: Headers
  readonly mid?: string
}

export interface ClientTracing {
  /** Runs a publish or request with the trace's context among its headers, and ends its span when `run` settles. */
  send<O extends TracedOptions, T>(operation: SendingOperation, subject: string, options: O, run: (options: O) => Promise<T>): Promise<T>
  /** The same for one with many answers; its span ends with the iterator. */
  iterate<O extends TracedOptions, T>(subject: string, options: O, run: (options: O) => AsyncIterableIterator<T, undefined>): AsyncIterableIterator<T, undefined>
  /** Runs the handler of a message, so that what it sends belongs to the message's trace. `run` calls `failed` with what the handler threw, and never rejects. */
  process(message: Message, group: string | undefined, run: (failed: (error: unknown) => void) => Promise<void>): Promise<void>
  /** What is said of a message of a queue begins; the function that it returns is called when the broker has confirmed it, or it failed. undefined: nothing is traced */
  settle(message: Message, verdict: string): ((error: Error | undefined) => void) | undefined
  /** The headers of an answer that is sent within `process`. */
  answer(headers: Headers | undefined): Headers | undefined
}
