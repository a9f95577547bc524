// Messages that were received and not yet read, behind an async iterator. Bounded by whoever watches `onChange`.

import { deferred, type Deferred } from './deferred.ts'

export class MessageQueue<T> {
  /** Called after the number of waiting items or of waiting readers changed. */
  onChange: () => void = () => {}
  #items: T[] = []
  // Reading moves a mark and the array is cut now and then: shift() on a long array moves all of it each time.
  #readCount = 0
  readonly #readers: Deferred<IteratorResult<T, undefined>>[] = []
  #isEnded = false
  #error: Error | undefined
  readonly #finished = deferred<void>()

  /** Items that wait for a reader. */
  get size(): number {
    return this.#items.length - this.#readCount
  }

  get hasReader(): boolean {
    return this.#readers.length > 0
  }

  /** Resolves when the queue was ended and everything in it was read or dropped. */
  get finished(): Promise<void> {
    return this.#finished.promise
  }

  push(item: T): void {
    if (this.#isEnded) return
    const reader = this.#readers.shift()
    if (reader === undefined) this.#items.push(item)
    else reader.resolve({ done: false, value: item })
    this.onChange()
  }

  /** No more items come. What waits is still read; then the iterator ends, or throws `error`, once. */
  end(error?: Error): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#error = error
    if (this.size === 0) this.#finished.resolve()
    for (const reader of this.#readers.splice(0)) this.#finish(reader)
    this.onChange()
  }

  /** Ends at once: what waits is not read any more. */
  drop(): void {
    this.#items = []
    this.#readCount = 0
    this.end()
    this.#finished.resolve()
    this.onChange()
  }

  /** What waits is gone; more may come. */
  clear(): void {
    this.#items = []
    this.#readCount = 0
    if (this.#isEnded) this.#finished.resolve()
    this.onChange()
  }

  /** The next item for a reader that does not wait. */
  take(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.#take()
    this.onChange()
    return item
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const reader = deferred<IteratorResult<T, undefined>>()
    if (this.size > 0) reader.resolve({ done: false, value: this.#take() })
    else if (this.#isEnded) this.#finish(reader)
    else this.#readers.push(reader)
    this.onChange()
    return reader.promise
  }

  #take(): T {
    const item = this.#items[this.#readCount++]!
    if (this.#readCount === this.#items.length || this.#readCount === 1024) {
      this.#items = this.#items.slice(this.#readCount)
      this.#readCount = 0
    }
    if (this.#isEnded && this.size === 0) this.#finished.resolve()
    return item
  }

  #finish(reader: Deferred<IteratorResult<T, undefined>>): void {
    if (this.#error === undefined) reader.resolve({ done: true, value: undefined })
    else reader.reject(this.#error)
    this.#error = undefined
  }
}
