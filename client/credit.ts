// Lets publishes on one subject wait for the broker's credit while others go on. Knows sizes and subjects, no frames.
//
//   subject a   [ 200 KiB left ]  ─▶ send
//   subject b   [ 0 left ]        ─▶ wait in order ── granted, or another session ─▶ send

import { decode } from '@msgpack/msgpack'

interface Waiter {
  readonly bytes: number
  /** Sends it, or fails it. */
  go(): void
  fail(error: Error): void
}

interface Balance {
  left: number
  waiting: Waiter[]
}

export class Credit {
  #full = 0
  #isOpen = false
  #waiting = 0
  /** Subjects with less than the full credit, or with waiters; the others need not be remembered. */
  readonly #balances = new Map<string, Balance>()

  /** Subjects that are not back at full credit. */
  get size(): number {
    return this.#balances.size
  }

  /** Publishes that wait. */
  get waiting(): number {
    return this.#waiting
  }

  /**
   * Calls `send` once `bytes` of the subject's credit are there, in order for each subject; gives what it gives. More
   * than half of the full credit is sent when half is there: the broker grants nothing before half is used. An abort
   * rejects with the signal's reason.
   */
  spend<T>(subject: string, bytes: number, send: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const balance = this.#balances.get(subject) ?? { left: this.#full, waiting: [] }
    this.#balances.set(subject, balance)
    if (balance.waiting.length === 0 && this.#isEnough(balance, bytes)) {
      return spent(balance, bytes, send)
    }
    return new Promise<T>((resolve, reject) => {
      const abort = (): void => {
        if (!balance.waiting.includes(waiter)) return
        balance.waiting = balance.waiting.filter(each => each !== waiter)
        this.#waiting--
        reject(signal!.reason as Error)
        // Those behind it may be smaller.
        this.#serve(subject, balance)
      }
      const waiter: Waiter = {
        bytes,
        go: () => {
          signal?.removeEventListener('abort', abort)
          // Async, so that what is thrown at once is told like what fails later.
          const begin = async (): Promise<T> => spent(balance, bytes, send)
          begin().then(resolve, reject)
        },
        fail: error => {
          signal?.removeEventListener('abort', abort)
          reject(error)
        },
      }
      signal?.addEventListener('abort', abort)
      balance.waiting.push(waiter)
      this.#waiting++
    })
  }

  /** The broker grants more. */
  grant(subject: string, bytes: number): void {
    const balance = this.#balances.get(subject)
    // Full already: nothing of it is missing here.
    if (balance === undefined) return
    balance.left = Math.min(this.#full, balance.left + bytes)
    this.#serve(subject, balance)
  }

  /** A connection is there. With `fullBytes` its session is a new one, where every subject begins with that much. */
  open(fullBytes: number | undefined): void {
    this.#isOpen = true
    if (fullBytes !== undefined) this.#full = fullBytes
    for (const [subject, balance] of this.#balances) {
      if (fullBytes !== undefined) balance.left = fullBytes
      this.#serve(subject, balance)
    }
  }

  /** The connection is gone: everything waits. */
  pause(): void {
    this.#isOpen = false
  }

  /** Nobody waits any more. */
  close(error: Error): void {
    this.#isOpen = false
    for (const { waiting } of this.#balances.values()) for (const waiter of waiting) waiter.fail(error)
    this.#balances.clear()
    this.#waiting = 0
  }

  #serve(subject: string, balance: Balance): void {
    for (let first = balance.waiting[0]; first !== undefined && this.#isEnough(balance, first.bytes); first = balance.waiting[0]) {
      balance.waiting.shift()
      this.#waiting--
      first.go()
    }
    if (balance.left >= this.#full && balance.waiting.length === 0) this.#balances.delete(subject)
  }

  #isEnough({ left }: Balance, bytes: number): boolean {
    return this.#isOpen && left >= Math.min(bytes, this.#full / 2)
  }
}

/** What could not even be sent costs nothing. */
function spent<T>(balance: Balance, bytes: number, send: () => Promise<T>): Promise<T> {
  balance.left -= bytes
  try {
    return send()
  } catch (error) {
    balance.left += bytes
    throw error
  }
}

/** The body of a credit frame. */
export function readCredit(payload: Uint8Array): [subject: string, bytes: number] {
  const { subject, bytes } = decode(payload) as { subject?: string; bytes?: number }
  return [subject ?? '', bytes ?? 0]
}
