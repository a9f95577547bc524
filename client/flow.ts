// Decides when the client stops reading its connection, so that the broker feels a reader that is slow.
//
//   unread ≤ limit            read on
//   unread > limit            stop, unless an answer is awaited: it comes by the same connection, and the reader may
//                             be waiting for it before it reads on (two that wait for each other never end)
//   unread > 16 × limit       stop in any case; what is awaited then runs into its deadline

const AWAITING_FACTOR = 16

export class Flow {
  readonly #apply: (isPaused: boolean) => void
  #over = 0
  #farOver = 0
  #awaited = 0
  #isPaused = false

  /** `apply` is called whenever reading should stop or go on. */
  constructor(apply: (isPaused: boolean) => void) {
    this.#apply = apply
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Somebody waits for an answer; the returned function says that it came. Calling it again does nothing. */
  await(): () => void {
    let isAwaited = true
    this.begin()
    return () => {
      if (!isAwaited) return
      isAwaited = false
      this.end()
    }
  }

  /** The same for who keeps count: one `end` for each `begin`. */
  begin(): void {
    this.#awaited++
    this.#update()
  }

  end(): void {
    this.#awaited--
    this.#update()
  }

  /** A count of unread messages with a limit; the returned function sets it. */
  gauge(limit: number): (unread: number) => void {
    let isOver = false
    let isFarOver = false
    return unread => {
      // Half the limit before reading goes on: otherwise the socket is paused and resumed for every message.
      const over = isOver ? unread > limit / 2 : unread > limit
      const farOver = unread > limit * AWAITING_FACTOR
      if (over === isOver && farOver === isFarOver) return
      this.#over += Number(over) - Number(isOver)
      this.#farOver += Number(farOver) - Number(isFarOver)
      isOver = over
      isFarOver = farOver
      this.#update()
    }
  }

  #update(): void {
    const isPaused = this.#farOver > 0 || (this.#over > 0 && this.#awaited === 0)
    if (isPaused === this.#isPaused) return
    this.#isPaused = isPaused
    this.#apply(isPaused)
  }
}
