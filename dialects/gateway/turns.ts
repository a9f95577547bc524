// Lets what has the same key happen one after another, whichever connection it comes from. Knows no frames.
//
//   key a   [ has its turn ] ◀─ waits ◀─ waits        at most `perKey` wait for one key, `total` in all
//   key b   [ has its turn ]                          different keys do not wait for each other

import { Deadline, type Deadlines } from '../../broker/ground/deadlines.ts'
import { BrokerError } from '../../broker/ground/errors.ts'

export interface TurnLimits {
  /** How many may wait behind the one that has its turn. */
  readonly perKey: number
  /** How many may wait in all. */
  readonly total: number
  /** bytes that may wait in all */
  readonly totalBytes: number
}

/** What wants a turn. */
export interface TurnTaker {
  /** False when its connection is gone: its turn is passed over. */
  readonly isWanted: boolean
  /** Its turn has come. It ends with `leave`. */
  begin(): void
  /** Its time was up before its turn came; it is out of the queue by then. */
  expired(): void
}

/** One place in a queue; a deadline while it waits. */
export class Turn extends Deadline {
  readonly key: string
  readonly bytes: number
  readonly taker: TurnTaker
  state: 'waiting' | 'begun' | 'over' = 'waiting'
  readonly #onExpired: (turn: Turn) => void

  constructor(key: string, bytes: number, taker: TurnTaker, onExpired: (turn: Turn) => void) {
    super()
    this.key = key
    this.bytes = bytes
    this.taker = taker
    this.#onExpired = onExpired
  }

  override expire(): void {
    this.#onExpired(this)
  }
}

interface Queue {
  current: Turn | undefined
  readonly waiting: Turn[]
}

export class Turns {
  readonly #deadlines: Deadlines
  readonly #limits: TurnLimits
  readonly #queues = new Map<string, Queue>()
  readonly #expire = (turn: Turn): void => {
    this.leave(turn)
    turn.taker.expired()
  }
  #waiting = 0
  #waitingBytes = 0

  constructor(deadlines: Deadlines, limits: TurnLimits) {
    this.#deadlines = deadlines
    this.#limits = limits
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting
  }

  /** Keys that somebody has a turn of. */
  get size(): number {
    return this.#queues.size
  }

  /**
   * Takes a turn: at once when the key is free, otherwise when those before have left, for at most `limitMs`.
   * @throws BrokerError `order.limit`
   */
  enter(key: string, bytes: number, limitMs: number, taker: TurnTaker): Turn {
    const turn = new Turn(key, bytes, taker, this.#expire)
    const queue = this.#queues.get(key)
    if (queue === undefined) {
      turn.state = 'begun'
      this.#queues.set(key, { current: turn, waiting: [] })
      return turn
    }
    const { perKey, total, totalBytes } = this.#limits
    if (queue.waiting.length >= perKey) throw new BrokerError('order.limit', { waiting: queue.waiting.length, scope: 'behind one of the same session key', limit: perKey })
    if (this.#waiting >= total) throw new BrokerError('order.limit', { waiting: this.#waiting, scope: 'in all', limit: total })
    if (this.#waitingBytes + bytes > totalBytes) throw new BrokerError('order.limit', { waiting: this.#waiting, scope: 'in all, with as many bytes as may', limit: totalBytes })
    queue.waiting.push(turn)
    this.#waiting++
    this.#waitingBytes += bytes
    this.#deadlines.set(turn, limitMs)
    return turn
  }

  /** A turn is over, or is not wanted any more. May be called again. */
  leave(turn: Turn): void {
    const { state } = turn
    if (state === 'over') return
    turn.state = 'over'
    const queue = this.#queues.get(turn.key)!
    if (state === 'waiting') {
      this.#unqueue(turn)
      queue.waiting.splice(queue.waiting.indexOf(turn), 1)
      return
    }
    queue.current = undefined
    // Later: whoever leaves is in the middle of something, and a row of turns that fail at once must not nest.
    queueMicrotask(() => this.#next(turn.key))
  }

  #next(key: string): void {
    const queue = this.#queues.get(key)
    if (queue === undefined || queue.current !== undefined) return
    for (let turn = queue.waiting.shift(); turn !== undefined; turn = queue.waiting.shift()) {
      this.#unqueue(turn)
      if (!turn.taker.isWanted) {
        turn.state = 'over'
        continue
      }
      queue.current = turn
      turn.state = 'begun'
      return turn.taker.begin()
    }
    this.#queues.delete(key)
  }

  #unqueue(turn: Turn): void {
    this.#deadlines.cancel(turn)
    this.#waiting--
    this.#waitingBytes -= turn.bytes
  }
}
