// Holds what comes on a link while its connection stands still, to hand it on or to forget it. Knows no frames.

import type { BrokerError } from './ground/errors.ts'
import type { Link, LinkHandler } from './ground/types.ts'

export class HeldLink implements LinkHandler {
  readonly #link: Link
  /** What its owner was not told, in order. */
  #came: ((owner: LinkHandler) => void)[] = []
  #isOver = false

  /** From now on the link is held. */
  constructor(link: Link) {
    this.#link = link
    link.attach(this)
  }

  /** It is gone, or its other end sends no more. */
  get isOver(): boolean {
    return this.#isOver
  }

  write(pieces: readonly Uint8Array[]): void {
    this.#link.write(this.#link.wrap?.(pieces) ?? pieces)
  }

  close(): void {
    this.#link.close()
  }

  destroy(): void {
    this.#link.destroy()
  }

  /** Its owner is told what came, in order, and what comes. */
  giveBack(owner: LinkHandler): void {
    this.#link.attach(owner)
    this.#tell(owner)
  }

  /** As giveBack(), but for bytes: those are for nobody any more. */
  letGo(owner: LinkHandler): void {
    const deaf: LinkHandler = { received() {}, written: () => owner.written(), ended: (problem) => owner.ended(problem), closed: (problem) => owner.closed(problem) }
    this.#link.attach(deaf)
    this.#tell(deaf)
    // Read on, to pass it by: the end of what comes is waited for.
    this.#link.resume()
  }

  received(chunk: Uint8Array, endsMessage: boolean): void {
    this.#came.push((owner) => owner.received(chunk, endsMessage))
  }

  written(): void {
    this.#came.push((owner) => owner.written())
  }

  ended(problem?: BrokerError): void {
    this.#isOver = true
    this.#came.push((owner) => owner.ended(problem))
  }

  closed(problem: Error | undefined): void {
    this.#isOver = true
    this.#came.push((owner) => owner.closed(problem))
  }

  #tell(owner: LinkHandler): void {
    const came = this.#came
    this.#came = []
    for (const tell of came) tell(owner)
  }
}
