// What survives a connection: open calls, messages that wait, and the way back after a disconnect. It knows frames and
// calls; what subjects and payloads mean is the client's.
//
//   connect ─▶ connected ◀─┐                     open calls at a disconnect: repeatable ones are sent again, the others
//                  │ lost  │ welcome             fail with connection.lost; what was never sent waits in `waiting`
//                  ▼       │
//               waiting ───┘ ── retries used up, or not worth it ─▶ closed

import type { Clock } from '../broker/ground/clock.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { RetrySettings } from '../broker/ground/settings.ts'
import type { Frame, FrameInit } from '../broker/wire/frame.ts'
import { Kind } from '../broker/wire/layout.ts'
import { OpenCalls, type Call } from './call.ts'
import { Connection } from './connection.ts'
import { deferred } from './deferred.ts'
import { Handshake, type Credential, type Identity, type Welcome } from './handshake.ts'
import type { Platform } from './link.ts'
import { retryDelayMs } from './reconnect.ts'

export interface SessionOptions {
  readonly identity: Identity
  /** Asked before every attempt: the token file may have changed. */
  readonly credential: () => Credential
  readonly retry: Partial<RetrySettings> | false
  readonly offlineLimit: number
  readonly connectTimeoutMs: number
  readonly clock: Clock
}

/** Who uses the session. */
export interface SessionOwner {
  /** A connection is ready; what is sent now leaves before everything that waited. `isFirst` is true once. */
  opened(welcome: Welcome, isFirst: boolean): void
  received(frame: Frame, connection: Connection): void
  /** The connection is gone; the session comes back or closes next. */
  lost(error: BrokerError): void
  /** Called once and last; undefined when this side closed. */
  closed(error: BrokerError | undefined): void
}

/** How long the broker may take to close after our goodbye. ms */
const GOODBYE_MS = 1000

export class Session {
  readonly calls = new OpenCalls()
  readonly #platform: Platform
  readonly #options: SessionOptions
  readonly #owner: SessionOwner
  readonly #waiting = new Set<Call>()
  readonly #abort = new AbortController()
  #connection: Connection | undefined
  #welcome: Welcome | undefined
  #isClosing = false
  #isOver = false

  constructor(platform: Platform, options: SessionOptions, owner: SessionOwner) {
    this.#platform = platform
    this.#options = options
    this.#owner = owner
  }

  /** The open connection, when there is one. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  /** What the broker said last; undefined before the first connection. */
  get welcome(): Welcome | undefined {
    return this.#welcome
  }

  get isOver(): boolean {
    return this.#isClosing || this.#isOver
  }

  /**
   * The first connection; made in one attempt.
   * @throws BrokerError `connect.*`, `auth.*`, `client.aborted` and whatever else the broker refuses with
   */
  async open(): Promise<void> {
    try {
      await this.#connect()
    } catch (error) {
      this.#isOver = true
      throw error
    }
  }

  /** Sends the call now, or when there is a connection. It fails at once when too many wait already or the session is closed. */
  submit(call: Call): void {
    if (this.#isOver || (this.#isClosing && this.#connection === undefined)) call.failed(new BrokerError('client.closed'))
    else if (this.#connection !== undefined) this.#send(this.#connection, call)
    else if (this.#waiting.size >= this.#options.offlineLimit) call.failed(new BrokerError('client.offline_full', { limit: this.#options.offlineLimit }))
    else this.#waiting.add(call)
  }

  /** Gives the call up; the broker is told when `hasCancel` and it was sent. The call itself is not told. */
  withdraw(call: Call, hasCancel: boolean): void {
    this.#waiting.delete(call)
    const id = this.calls.remove(call)
    if (id !== undefined && hasCancel) this.tell({ kind: Kind.cancel, ref: id })
  }

  /** Sends a frame that nothing waits for; nothing happens while there is no connection. */
  tell(frame: FrameInit): void {
    if (this.#connection?.isOpen === true) this.#connection.send(frame)
  }

  /** No new calls; ends in order with a goodbye. `drained` says when what is open was finished. */
  async close(drained: () => Promise<void>): Promise<void> {
    if (this.#isClosing || this.#isOver) return
    this.#isClosing = true
    this.#failAll([...this.#waiting], new BrokerError('client.closed'))
    if (this.#connection !== undefined) await drained()
    const connection = this.#connection
    if (connection === undefined) return this.#shut(undefined)
    connection.close()
    const cancel = this.#options.clock.after(GOODBYE_MS, () => connection.destroy(new BrokerError('client.closed')))
    this.#abort.signal.addEventListener('abort', cancel)
  }

  /** Ends now. */
  destroy(): void {
    const connection = this.#connection
    this.#shut(undefined)
    connection?.destroy(new BrokerError('client.closed'))
  }

  async #connect(): Promise<void> {
    const { connectTimeoutMs, clock, identity } = this.#options
    const attempt = new AbortController()
    const expired = new BrokerError('connect.timeout', { limitMs: connectTimeoutMs })
    const cancelTimer = clock.after(connectTimeoutMs, () => attempt.abort(expired))
    const signal = AbortSignal.any([attempt.signal, this.#abort.signal])
    try {
      const credential = this.#options.credential()
      const link = await this.#platform.openLink(signal)
      const welcomed = deferred<void>()
      const connection = new Connection(link, this.#platform, new Handshake(identity, credential, this.#platform.hmac), credential.token, {
        opened: opened => {
          welcomed.resolve()
          this.#opened(opened)
        },
        received: (frame, from) => this.#owner.received(frame, from),
        closed: (error, from) => {
          welcomed.reject(error)
          if (from === this.#connection) this.#lost(error)
        },
      })
      const abort = (): void => connection.destroy(BrokerError.from(signal.reason))
      signal.addEventListener('abort', abort)
      if (signal.aborted) abort()
      await welcomed.promise.finally(() => signal.removeEventListener('abort', abort))
    } finally {
      cancelTimer()
    }
  }

  #opened(connection: Connection): void {
    const isFirst = this.#welcome === undefined
    this.#connection = connection
    this.#welcome = connection.welcome
    this.#owner.opened(connection.welcome, isFirst)
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const call of waiting) this.submit(call)
  }

  #send(connection: Connection, call: Call): void {
    let id: number
    try {
      id = connection.send(call.frame)
    } catch (error) {
      // The frame itself is at fault, or the connection ended in this very turn and its end is about to be told.
      if (connection.isOpen) call.failed(BrokerError.from(error))
      else this.#waiting.add(call)
      return
    }
    if (call.isAnswered) this.calls.add(id, call)
    call.sent(id, connection.ready)
  }

  #lost(error: BrokerError): void {
    this.#connection = undefined
    this.#owner.lost(error)
    const policy = this.#retryPolicy()
    const comesBack = !this.#isClosing && !this.#isOver && policy !== undefined && error.retryable
    const open = this.calls.takeAll()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const call of open) {
      if (comesBack && call.isRepeatable) this.#waiting.add(call)
      else call.failed(new BrokerError('connection.lost', { problem: error.message }, { cause: error }))
    }
    // Repeated calls go first: they were made first.
    for (const call of waiting) this.#waiting.add(call)
    if (comesBack) void this.#reconnect(policy, error)
    else this.#shut(this.#isClosing ? undefined : error)
  }

  async #reconnect(policy: RetrySettings, lost: BrokerError): Promise<void> {
    let reason = lost
    for (let attempt = 1; attempt <= policy.maxRetries && reason.retryable; attempt++) {
      await this.#pause(retryDelayMs(policy, attempt, Math.random()))
      if (this.isOver) return
      try {
        return await this.#connect()
      } catch (error) {
        reason = BrokerError.from(error)
      }
    }
    this.#shut(reason)
  }

  /** undefined: the session does not come back. */
  #retryPolicy(): RetrySettings | undefined {
    const { retry } = this.#options
    if (retry === false || this.#welcome === undefined) return undefined
    const policy = { ...this.#welcome.retry, ...retry }
    return policy.enabled ? policy : undefined
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise(resolve => {
      const { signal } = this.#abort
      const end = (): void => {
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.#options.clock.after(delayMs, end)
      signal.addEventListener('abort', end)
    })
  }

  #shut(error: BrokerError | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#connection = undefined
    this.#abort.abort(new BrokerError('client.closed'))
    this.#failAll([...this.calls.takeAll(), ...this.#waiting], error ?? new BrokerError('client.closed'))
    this.#owner.closed(error)
  }

  #failAll(calls: readonly Call[], error: BrokerError): void {
    this.#waiting.clear()
    for (const call of calls) call.failed(error)
  }
}
