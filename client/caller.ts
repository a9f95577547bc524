// Submits calls within their limits, time and signal, and gives their answers. Knows no subjects.

import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { Kind } from '../broker/wire/layout.ts'
import type { Call } from './call.ts'
import type { Flow } from './flow.ts'
import type { Message } from './message.ts'
import type { CallWatch, PromiseCall, SendCall, WatchedCall } from './promise-call.ts'
import type { Session } from './session.ts'
import type { StreamCall } from './stream-call.ts'

export interface CallLimits {
  /** For the error that tells of the time-out. */
  readonly subject: string
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** The broker says when time is up; this side says so itself only when it does not hear from it. ms */
const LOCAL_GRACE_MS = 500

export class Caller implements CallWatch {
  readonly #session: Session
  readonly #flow: Flow
  readonly #deadlines: Deadlines

  constructor(session: Session, flow: Flow, deadlines: Deadlines) {
    this.#session = session
    this.#flow = flow
    this.#deadlines = deadlines
  }

  /** @throws BrokerError what the call fails with, `request.timeout`, `client.aborted` */
  answer<T>(call: PromiseCall<T>, timeoutMs: number, signal: AbortSignal | undefined): Promise<T> {
    this.#flow.begin()
    call.watchedBy(this, timeoutMs)
    if (signal !== undefined && !this.#follow(signal, call)) return call.promise
    this.#deadlines.set(call, timeoutMs + LOCAL_GRACE_MS)
    this.#session.submit(call)
    return call.promise
  }

  /** For calls. */
  over(call: WatchedCall): void {
    this.#deadlines.cancel(call)
    this.#flow.end()
  }

  /** For calls. */
  expired(call: WatchedCall): void {
    this.#giveUp(call, new BrokerError('request.timeout', { subject: call.frame.subject ?? '', limitMs: call.timeoutMs }))
  }

  /** Leaving the iterator before its end gives the call up. */
  async *iterate<T>(call: StreamCall<T>, limits: CallLimits): AsyncGenerator<Message<T>, undefined> {
    const stop = this.#submit(call, limits)
    try {
      for (let result = await call.next(); result.done !== true; result = await call.next()) yield result.value
      return undefined
    } finally {
      stop()
      this.#session.withdraw(call, true)
      call.drop()
    }
  }

  /** Resolves when it was sent, however long the connection takes to come back. @throws BrokerError `client.*` */
  async send(call: SendCall, signal: AbortSignal | undefined): Promise<void> {
    const stop = this.#submit(call, { subject: '', timeoutMs: Infinity, signal })
    await call.promise.finally(stop)
  }

  /** Submits the call and fails it when its time is up or its signal aborts; the returned function ends the watch. */
  #submit(call: Call, { subject, timeoutMs, signal }: CallLimits): () => void {
    const deadline = new Deadline(() => this.#giveUp(call, new BrokerError('request.timeout', { subject, limitMs: timeoutMs })))
    const abort = (): void => this.#giveUp(call, aborted(signal))
    if (signal?.aborted === true) abort()
    else {
      signal?.addEventListener('abort', abort)
      if (timeoutMs !== Infinity) this.#deadlines.set(deadline, timeoutMs + LOCAL_GRACE_MS)
      this.#session.submit(call)
    }
    return () => {
      this.#deadlines.cancel(deadline)
      signal?.removeEventListener('abort', abort)
    }
  }

  // False: it has aborted already.
  #follow<T>(signal: AbortSignal, call: PromiseCall<T>): boolean {
    const abort = (): void => this.#giveUp(call, aborted(signal))
    if (signal.aborted) {
      abort()
      return false
    }
    const forget = (): void => signal.removeEventListener('abort', abort)
    signal.addEventListener('abort', abort)
    call.promise.then(forget, forget)
    return true
  }

  #giveUp(call: Call, error: BrokerError): void {
    this.#session.withdraw(call, call.frame.kind === Kind.request)
    call.failed(error)
  }
}

/** The caller's own wish; what it gave as reason is the cause. */
export function aborted(signal: AbortSignal | undefined): BrokerError {
  return new BrokerError('client.aborted', {}, { cause: signal?.reason })
}
