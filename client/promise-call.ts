// A call with one answer, as a promise: requests, receipts, control frames, and publishes that wait for the connection.

import { Deadline } from '../broker/ground/deadlines.ts'
import type { BrokerError } from '../broker/ground/errors.ts'
import type { Frame, FrameInit } from '../broker/wire/frame.ts'
import { Kind } from '../broker/wire/layout.ts'
import { errorOf } from './answer-error.ts'
import type { Call } from './call.ts'
import { deferred } from './deferred.ts'

export interface PromiseCallOptions<T> {
  readonly frame: FrameInit
  readonly isRepeatable?: boolean
  readonly isBound?: boolean
  /** The result that an answer gives, for the `nth` call behind the one that it names; undefined = not the last one. */
  readonly read: (frame: Frame, nth: number) => T | undefined
}

/** Who watches over a call while it is open. */
export interface CallWatch {
  /** Its time is up. */
  expired(call: WatchedCall): void
  /** It was answered, or has failed; called once. */
  over(call: WatchedCall): void
}

export type WatchedCall = Call & Deadline & { readonly timeoutMs: number }

/** Its own deadline, too: programs have thousands of them open, and each object of a call is paid for twice, when it is made and when it is swept. */
export class PromiseCall<T> extends Deadline implements Call {
  readonly frame: FrameInit
  readonly isAnswered = true
  readonly isRepeatable: boolean
  readonly isBound: boolean
  readonly promise: Promise<T>
  id = 0
  timeoutMs = 0
  #read: PromiseCallOptions<T>['read']
  #resolve!: (result: T) => void
  #reject!: (error: BrokerError) => void
  #watch: CallWatch | undefined

  constructor({ frame, isRepeatable = false, isBound = false, read }: PromiseCallOptions<T>) {
    super()
    this.frame = frame
    this.isRepeatable = isRepeatable
    this.isBound = isBound
    this.#read = read
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** From now on `watch` is told, until it is over. `timeoutMs`: what its caller gave it, for the error that tells of its end. */
  watchedBy(watch: CallWatch, timeoutMs: number): void {
    this.#watch = watch
    this.timeoutMs = timeoutMs
  }

  override expire(): void {
    this.#watch?.expired(this)
  }

  sent(): void {}

  received(frame: Frame, nth = 0): boolean {
    if (frame.kind === Kind.error) {
      this.failed(errorOf(frame))
      return true
    }
    const result = this.#read(frame, nth)
    if (result === undefined) return false
    this.#over()
    this.#resolve(result)
    return true
  }

  failed(error: BrokerError): void {
    this.#over()
    this.#reject(error)
  }

  #over(): void {
    const watch = this.#watch
    this.#watch = undefined
    watch?.over(this)
  }
}

/** A frame without answer that waits for the connection: done when it is sent and the link takes more. */
export class SendCall implements Call {
  readonly frame: FrameInit
  readonly isAnswered = false
  readonly isRepeatable = false
  readonly isBound: boolean
  id = 0
  readonly #outcome = deferred<void>()

  constructor(frame: FrameInit, isBound = false) {
    this.frame = frame
    this.isBound = isBound
  }

  get promise(): Promise<void> {
    return this.#outcome.promise
  }

  sent({ ready }: { readonly ready: Promise<void> }): void {
    this.#outcome.resolve(ready)
  }

  received(): boolean {
    return true
  }

  failed(error: BrokerError): void {
    this.#outcome.reject(error)
  }
}
