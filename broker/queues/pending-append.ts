// One append of a queue, from its delivery until the store has told what became of it: settles the account, the fate, the
// history and whoever published it. One object per run, not per message.

import type { BrokerError } from '../ground/errors.ts'
import type { DropReason, FateWatch } from '../ground/fate.ts'
import type { Intake } from '../ground/intake.ts'
import type { Account, Slice } from '../ground/slice.ts'
import type { Append, AppendWatch } from '../ground/store.ts'
import type { Durability } from '../ground/store-settings.ts'

/** What an append tells its queue. */
export interface AppendOwner {
  readonly name: string
  readonly number: number
  /** `count` of its messages, the first of which is its sender's `id`, stand at `position` and behind it. */
  kept(append: PendingAppend, id: number, position: number, count: number, isDuplicate: boolean): void
  refusing(error: BrokerError): void
  lost(append: PendingAppend, count: number, reason: DropReason): void
  /** Nothing of it waits any more. */
  told(append: PendingAppend): void
}

const NOTHING = new Uint8Array(0)

export class PendingAppend implements Append, AppendWatch {
  bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly count: number
  readonly messageId: string | undefined
  readonly session: string | undefined
  readonly sequence: number
  readonly dueAtMs: number
  readonly expiresAtMs: number
  readonly durability: Durability
  /** Its position in the flight recorder; -1: it is not recorded. */
  readonly run: number
  readonly sizeBytes: number
  readonly intake: Intake
  readonly #firstId: number
  readonly #account: Account
  readonly #fates: FateWatch | undefined
  readonly #owner: AppendOwner
  /** Messages that the store has not spoken of. */
  #left: number

  /** `start`..`end` within the bytes of `slice`, whose account, run and watch it takes over. */
  constructor(owner: AppendOwner, slice: Slice, intake: Intake, bytes: Uint8Array, start: number, end: number, count: number, firstId: number, session: string | undefined, durability: Durability) {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.count = this.#left = count
    this.messageId = intake.messageId
    this.session = session
    this.sequence = intake.sequence
    this.dueAtMs = intake.dueAtMs
    this.expiresAtMs = intake.expiresAtMs
    this.durability = durability
    this.run = slice.run
    this.sizeBytes = end - start
    this.intake = intake
    this.#firstId = firstId
    this.#account = slice.account
    this.#fates = slice.watch
    this.#owner = owner
    slice.account.pending += count
  }

  get watch(): AppendWatch {
    return this
  }

  /** The store has copied the bytes: a chunk of a socket is not kept for them. */
  copied(): void {
    this.bytes = NOTHING
  }

  stored(position: number, count: number, isDuplicate: boolean): void {
    const account = this.#account
    account.pending -= count
    account.stored += count
    const owner = this.#owner
    const id = this.#id
    owner.kept(this, id, position, count, isDuplicate)
    // First where it stands: who is told of its fate tells that too.
    this.intake.stored(owner.name, id, position, count, isDuplicate)
    this.#settle(count, 'stored')
  }

  dropped(count: number): void {
    this.#lose(count, 'overflow')
    this.intake.dropped(this.#owner.name, this.#id, count)
    this.#settle(count, 'dropped(overflow)')
  }

  refused(count: number, error: BrokerError): void {
    this.#lose(count, 'not-stored')
    this.#owner.refusing(error)
    this.intake.refused(this.#owner.name, this.#id, count, error)
    this.#settle(count, 'dropped(not-stored)')
  }

  /** Of the first message that the store has not spoken of. */
  get #id(): number {
    return this.#firstId + this.count - this.#left
  }

  #lose(count: number, reason: DropReason): void {
    this.#account.pending -= count
    this.#account.dropped[reason] += count
    this.#owner.lost(this, count, reason)
  }

  #settle(count: number, fate: 'stored' | `dropped(${DropReason})`): void {
    this.#fates?.settled(this.#owner.number, fate, count)
    this.#left -= count
    if (this.#left === 0) this.#owner.told(this)
  }
}
