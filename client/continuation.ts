// By what a session goes on over another connection: its name, the proof, and what may have to be sent again. Knows nothing of calls.
//
//   granted with the welcome     kept for as long as the session
//   told by `moving`             kept for the way to another process of the broker alone

import { decode } from '@msgpack/msgpack'
import type { Frame } from '../broker/wire/frame.ts'
import type { Connection } from './connection.ts'
import { isOfConsumer } from './control-calls.ts'
import type { Wishes } from './handshake.ts'
import { Ledger } from './ledger.ts'

interface Resumable {
  readonly session: string
  readonly secret: string
  readonly ledger: Ledger
  /** For the way to another process of the broker alone. */
  readonly isForMove: boolean
}

export class Continuation {
  #resumable: Resumable | undefined

  /** The session can go on when its connection is lost. */
  get isPossible(): boolean {
    return this.#resumable !== undefined
  }

  /** Something came that was not confirmed. */
  get hasUnacked(): boolean {
    return this.#resumable?.ledger.hasUnacked === true
  }

  /** What the hello says of it. */
  get wish(): Pick<Wishes, 'resume'> {
    if (this.#resumable === undefined) return {}
    const { session, secret, ledger } = this.#resumable
    return { resume: { session, secret, received: ledger.received } }
  }

  /** It will not go on. */
  forget(): void {
    this.#resumable = undefined
  }

  /** The connection is open, in the same session or a new one: what has to be sent again leaves, and what comes and goes is kept as the welcome says. */
  opened(connection: Connection, isResumed: boolean): void {
    const { session, secret, sessionTtlMs, lastId } = connection.welcome
    const before = isResumed ? this.#resumable : undefined
    const proof = secret ?? before?.secret
    // In another process of the broker consumers of queues are announced anew: what was said of them to the one before would be said twice.
    const again = before?.ledger.resume(lastId ?? 0, connection.welcome.moved === true ? isOfConsumer : undefined) ?? []
    const isGranted = proof !== undefined && (sessionTtlMs ?? 0) > 0
    this.#resumable = isGranted ? { session, secret: proof, ledger: before?.ledger ?? new Ledger(), isForMove: false } : undefined
    connection.goOn(again, before?.ledger.lastId ?? 0, this.#resumable?.ledger)
  }

  /** The broker is about to go on in another process: from here on all is kept for that. Or it is not, after all. */
  moving(frame: Frame, connection: Connection): void {
    const { session, secret } = decode(frame.payload) as { readonly session?: string; readonly secret?: string }
    if (session === undefined || secret === undefined) {
      if (this.#resumable?.isForMove !== true) return
      this.#resumable = undefined
      return connection.keepFromHere(undefined)
    }
    // A second attempt counts anew, at both ends.
    if (this.#resumable === undefined || this.#resumable.isForMove) {
      this.#resumable = { session, secret, ledger: new Ledger(), isForMove: true }
      connection.keepFromHere(this.#resumable.ledger)
    }
    connection.confirm()
  }
}
