// What survives a connection: open calls, messages that wait, and the way back after a disconnect. It knows frames and
// calls; what subjects and payloads mean is the client's.
//
//   connect ─▶ connected ◀─┐
//                  │ lost  │ welcome: resumed     what was open stays open, what the broker did not take is sent again
//                  ▼       │          anew        open calls: repeatable ones are sent again, the others fail with
//               waiting ───┘                      connection.lost; what was never sent waits in `waiting` either way
//                  └─ retries used up, or not worth it ─▶ closed
//
// Without a grant to outlive its connection a session never is resumed, and calls fail as soon as the connection is lost.

import type { Clock } from '../broker/ground/clock.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { RetrySettings } from '../broker/ground/settings.ts'
import type { Frame, FrameInit } from '../broker/wire/frame.ts'
import { Kind } from '../broker/wire/layout.ts'
import { watchBroker } from './broker-watch.ts'
import { OpenCalls, type Call } from './call.ts'
import { Connection } from './connection.ts'
import { Continuation } from './continuation.ts'
import { deferred } from './deferred.ts'
import { awaitEnd } from './goodbye.ts'
import { Handshake, type Credential, type Identity, type Welcome, type Wishes } from './handshake.ts'
import { ACK_IDLE_MS } from './ledger.ts'
import type { Platform } from './link.ts'
import { SendCall } from './promise-call.ts'
import { BROKER_GONE, lookDelayMs, NOBODY_THERE, retryDelayMs } from './reconnect.ts'

export interface SessionOptions {
  readonly identity: Identity
  readonly wishes: Wishes
  /** Asked before every attempt: the token file may have changed. */
  readonly credential: () => Credential
  readonly retry: Partial<RetrySettings> | false
  readonly offlineLimit: number
  readonly connectTimeoutMs: number
  readonly clock: Clock
}

/** How a connection began. */
export interface Opening {
  /** True once. */
  readonly isFirst: boolean
  /** The session of the connection before goes on. */
  readonly isResumed: boolean
}

/** Who uses the session. */
export interface SessionOwner {
  /** A connection is ready; what is sent now leaves before everything that waited. */
  opened(welcome: Welcome, opening: Opening): void
  received(frame: Frame, connection: Connection): void
  /** The connection is gone; the session comes back or closes next. */
  lost(error: BrokerError): void
  /** What was open in the session at the broker is gone: with the connection, or when it could not be resumed. */
  abandoned(error: BrokerError): void
  /** Called once and last; undefined when this side closed. */
  closed(error: BrokerError | undefined): void
}

export class Session {
  readonly calls = new OpenCalls()
  readonly #platform: Platform
  readonly #options: SessionOptions
  readonly #owner: SessionOwner
  readonly #waiting = new Set<Call>()
  readonly #continuation = new Continuation()
  readonly #abort = new AbortController()
  #connection: Connection | undefined
  /** Why the last connection was lost, while what was open may still be resumed. */
  #suspended: BrokerError | undefined
  #cancelAck: (() => void) | undefined
  #endWatch: (() => void) | undefined
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

  /** The connection is gone, and the session may go on over the next one. */
  get isSuspended(): boolean {
    return this.#suspended !== undefined
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
    else if (this.#waiting.size >= this.#options.offlineLimit && call.frame.kind < Kind.hello) call.failed(new BrokerError('client.offline_full', { limit: this.#options.offlineLimit }))
    else this.#waiting.add(call)
  }

  /** Gives the call up; the broker is told when `hasCancel` and it was sent. The call itself is not told. */
  withdraw(call: Call, hasCancel: boolean): void {
    this.#waiting.delete(call)
    const id = this.calls.remove(call)
    if (id !== undefined && hasCancel) this.tell({ kind: Kind.cancel, ref: id }).catch(() => {})
  }

  /**
   * Sends a frame that means something in this session only: now, or when it goes on. Resolves when the connection
   * takes more.
   * @throws BrokerError `frame.too_large`; rejects with `connection.lost` when the session does not go on,
   * `client.offline_full`, `client.closed`
   */
  tell(frame: FrameInit): Promise<void> {
    const connection = this.#connection
    if (connection?.isOpen === true) {
      connection.send(frame)
      return connection.ready
    }
    const call = new SendCall(frame, true)
    // A connection that ended in this very turn is told of in a moment.
    if (connection !== undefined || this.isSuspended) this.submit(call)
    else call.failed(new BrokerError('connection.lost', { problem: 'the session is over' }))
    return call.promise
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
    const cancel = awaitEnd(() => connection.unsentBytes, this.#options.clock, () => connection.destroy(new BrokerError('client.closed')))
    this.#abort.signal.addEventListener('abort', cancel)
  }

  /** Ends now. */
  destroy(): void {
    const connection = this.#connection
    this.#shut(undefined)
    connection?.leave(new BrokerError('client.closed'))
  }

  async #connect(): Promise<void> {
    const { connectTimeoutMs, clock } = this.#options
    const attempt = new AbortController()
    const expired = new BrokerError('connect.timeout', { limitMs: connectTimeoutMs })
    const cancelTimer = clock.after(connectTimeoutMs, () => attempt.abort(expired))
    const signal = AbortSignal.any([attempt.signal, this.#abort.signal])
    try {
      const credential = this.#options.credential()
      const link = await this.#platform.openLink(signal)
      const welcomed = deferred<void>()
      const connection = new Connection(link, this.#platform, new Handshake(this.#hello(link.share !== undefined), credential, this.#platform.hmac), credential.token, {
        opened: opened => {
          welcomed.resolve()
          this.#opened(opened)
        },
        received: (frame, from) => {
          this.#owner.received(frame, from)
          this.#ackLater(from)
        },
        moving: (frame, from) => {
          if (from === this.#connection) this.#continuation.moving(frame, from)
        },
        closed: (error, from) => {
          welcomed.reject(error)
          if (from === this.#connection) this.#lost(error)
        },
      })
      connection.compressesPublishes = this.#options.wishes.flow?.credit !== true
      const abort = (): void => connection.destroy(BrokerError.from(signal.reason))
      signal.addEventListener('abort', abort)
      if (signal.aborted) abort()
      await welcomed.promise.finally(() => signal.removeEventListener('abort', abort))
    } finally {
      cancelTimer()
    }
  }

  #hello(canShare: boolean): Identity & Wishes {
    const { identity, wishes } = this.#options
    const compression = this.#platform.zstd === undefined ? {} : { compression: ['zstd'] }
    return { ...identity, ...compression, moves: true, receiptRuns: true, ...(canShare ? { sharedMemory: true } : {}), ...wishes, ...this.#continuation.wish }
  }

  #opened(connection: Connection): void {
    const { welcome } = connection
    const isFirst = this.#welcome === undefined
    const isResumed = welcome.resumed === true && this.#continuation.isPossible && this.isSuspended
    if (!isResumed) this.#abandon()
    this.#suspended = undefined
    this.#connection = connection
    this.#welcome = welcome
    this.#continuation.opened(connection, isResumed)
    const { identity, clock } = this.#options
    if ((identity.heartbeatMs ?? 0) > 0 && welcome.heartbeatMs > 0) this.#endWatch = watchBroker(connection, welcome.heartbeatMs, clock)
    if (isResumed && welcome.moved === true) this.#dropPulls()
    this.#owner.opened(welcome, { isFirst, isResumed })
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const call of waiting) this.submit(call)
  }

  // Consumers ask anew once they are announced there; what they asked on the way would be asked for twice.
  #dropPulls(): void {
    for (const call of this.#waiting) {
      if (call.frame.kind !== Kind.pull) continue
      this.#waiting.delete(call)
      call.failed(new BrokerError('connection.lost', { problem: 'the broker goes on in another process' }))
    }
  }

  // One timer for all that comes in a while, not one for each message.
  #ackLater(connection: Connection): void {
    if (this.#cancelAck !== undefined || !this.#continuation.hasUnacked) return
    this.#cancelAck = this.#options.clock.after(ACK_IDLE_MS, () => {
      this.#cancelAck = undefined
      connection.ack()
    })
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
    call.sent(connection)
  }

  #lost(error: BrokerError): void {
    this.#connection = undefined
    this.#cancelTimers()
    const isMoving = error.code === 'connection.moving' && this.#continuation.isPossible
    const policy = this.#retryPolicy(isMoving)
    const comesBack = !this.#isClosing && !this.#isOver && policy !== undefined && error.retryable
    this.#suspended = error
    // A broker that shuts down takes its sessions along.
    if (error.code === 'connection.draining' || !comesBack) this.#continuation.forget()
    if (!this.#continuation.isPossible) this.#abandon(comesBack)
    this.#owner.lost(error)
    if (comesBack) void this.#reconnect(policy, error, isMoving)
    else this.#shut(this.#isClosing ? undefined : error)
  }

  #cancelTimers(): void {
    this.#cancelAck?.()
    this.#cancelAck = undefined
    this.#endWatch?.()
    this.#endWatch = undefined
  }

  // What was open in the session at the broker is gone. Repeated calls go first: they were made first.
  #abandon(comesBack = true): void {
    const reason = this.#suspended
    if (reason === undefined) return
    this.#suspended = undefined
    this.#continuation.forget()
    this.#owner.abandoned(reason)
    const open = this.calls.takeAll()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    const lost = (call: Call): void => call.failed(new BrokerError('connection.lost', { problem: reason.message }, { cause: reason }))
    for (const call of open) {
      if (comesBack && call.isRepeatable) this.#waiting.add(call)
      else lost(call)
    }
    for (const call of waiting) {
      if (call.isBound === true) lost(call)
      else this.#waiting.add(call)
    }
  }

  async #reconnect(policy: RetrySettings, lost: BrokerError, isAtOnce: boolean): Promise<void> {
    let reason = lost
    let looks = this.#platform.isLookCheap === true && BROKER_GONE.has(lost.code)
    let awayMs = 0
    for (let attempt = 1; attempt <= policy.maxRetries && reason.retryable; attempt++) {
      // Who was told to come is waited for.
      let leftMs = isAtOnce && attempt === 1 ? 0 : retryDelayMs(policy, attempt, Math.random())
      do {
        const pauseMs = looks ? Math.min(leftMs, lookDelayMs(awayMs, Math.random())) : leftMs
        await this.#pause(pauseMs)
        if (this.isOver) return
        leftMs -= pauseMs
        awayMs += pauseMs
        try {
          return await this.#connect()
        } catch (error) {
          reason = BrokerError.from(error)
        }
        looks &&= NOBODY_THERE.has(reason.code)
      } while (leftMs > 0 && reason.retryable)
    }
    this.#shut(reason)
  }

  /** undefined: the session does not come back. Where it moves with the broker it does, whatever was said of lost connections. */
  #retryPolicy(isMoving: boolean): RetrySettings | undefined {
    const { retry } = this.#options
    if (this.#welcome === undefined || (retry === false && !isMoving)) return undefined
    const policy = { ...this.#welcome.retry, ...(retry === false ? {} : retry) }
    return policy.enabled || isMoving ? policy : undefined
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
    this.#cancelTimers()
    // What was open in a session that did not come back fails with what closed it.
    this.#continuation.forget()
    if (this.#suspended !== undefined) this.#owner.abandoned(this.#suspended)
    this.#suspended = undefined
    this.#abort.abort(new BrokerError('client.closed'))
    this.#failAll([...this.calls.takeAll(), ...this.#waiting], error ?? new BrokerError('client.closed'))
    this.#owner.closed(error)
  }

  #failAll(calls: readonly Call[], error: BrokerError): void {
    this.#waiting.clear()
    for (const call of calls) call.failed(error)
  }
}
