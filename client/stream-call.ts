// A call with several answers, as an async iterator: the parts of one responder, or the answers of many.

import type { BrokerError } from '../broker/ground/errors.ts'
import type { Frame, FrameInit } from '../broker/wire/frame.ts'
import { Kind } from '../broker/wire/layout.ts'
import { errorOf } from './answer-error.ts'
import type { Call } from './call.ts'
import type { Flow } from './flow.ts'
import type { Message } from './message.ts'
import { MessageQueue } from './message-queue.ts'

const BUFFER_LIMIT = 1024

export interface StreamCallOptions<T> {
  readonly frame: FrameInit
  readonly flow: Flow
  /** Several responders: an answer ends that responder, only `end` or an error of the broker ends the call. */
  readonly isMany: boolean
  readonly message: (frame: Frame) => Message<T>
}

export class StreamCall<T> implements Call {
  readonly frame: FrameInit
  readonly isAnswered = true
  id = 0
  // Parts that were read already would come a second time.
  readonly isRepeatable = false
  readonly #isMany: boolean
  readonly #message: (frame: Frame) => Message<T>
  readonly #queue = new MessageQueue<Message<T>>()
  #stopWaiting: (() => void) | undefined

  constructor(options: StreamCallOptions<T>) {
    this.frame = options.frame
    this.#isMany = options.isMany
    this.#message = options.message
    const report = options.flow.gauge(BUFFER_LIMIT)
    this.#queue.onChange = () => {
      report(this.#queue.size)
      if (this.#queue.hasReader) this.#stopWaiting ??= options.flow.await()
      else {
        this.#stopWaiting?.()
        this.#stopWaiting = undefined
      }
    }
  }

  next(): Promise<IteratorResult<Message<T>, undefined>> {
    return this.#queue.next()
  }

  /** The reader left. */
  drop(): void {
    this.#queue.drop()
  }

  sent(): void {}

  received(frame: Frame): boolean {
    const isOver = frame.kind === Kind.end || (frame.kind === Kind.error && (!this.#isMany || frame.origin === 0)) || (frame.kind === Kind.response && !this.#isMany)
    if (frame.kind === Kind.error && isOver) this.failed(errorOf(frame))
    else if (frame.kind !== Kind.end) this.#queue.push(this.#message(frame))
    if (isOver) this.#queue.end()
    return isOver
  }

  failed(error: BrokerError): void {
    this.#queue.end(error)
  }
}
