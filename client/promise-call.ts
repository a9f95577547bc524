// A call with one answer, as a promise: requests, receipts, control frames, and publishes that wait for the connection.

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
  /** The result that an answer gives; undefined = not the last one. */
  readonly read: (frame: Frame) => { readonly result: T } | undefined
}

export class PromiseCall<T> implements Call {
  readonly frame: FrameInit
  readonly isAnswered = true
  readonly isRepeatable: boolean
  readonly isBound: boolean
  readonly #read: PromiseCallOptions<T>['read']
  readonly #outcome = deferred<T>()

  constructor(options: PromiseCallOptions<T>) {
    this.frame = options.frame
    this.isRepeatable = options.isRepeatable ?? false
    this.isBound = options.isBound ?? false
    this.#read = options.read
  }

  get promise(): Promise<T> {
    return this.#outcome.promise
  }

  sent(): void {}

  received(frame: Frame): boolean {
    if (frame.kind === Kind.error) {
      this.failed(errorOf(frame))
      return true
    }
    const answer = this.#read(frame)
    if (answer !== undefined) this.#outcome.resolve(answer.result)
    return answer !== undefined
  }

  failed(error: BrokerError): void {
    this.#outcome.reject(error)
  }
}

/** A frame without answer that waits for the connection: done when it is sent and the link takes more. */
export class SendCall implements Call {
  readonly frame: FrameInit
  readonly isAnswered = false
  readonly isRepeatable = false
  readonly isBound: boolean
  readonly #outcome = deferred<void>()

  constructor(frame: FrameInit, isBound = false) {
    this.frame = frame
    this.isBound = isBound
  }

  get promise(): Promise<void> {
    return this.#outcome.promise
  }

  sent(_id: number, ready: Promise<void>): void {
    this.#outcome.resolve(ready)
  }

  received(): boolean {
    return true
  }

  failed(error: BrokerError): void {
    this.#outcome.reject(error)
  }
}
