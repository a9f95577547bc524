// One account per channel, one for everything outside channels, and their sum. Calls of the broker's own methods are
// counted apart: whoever looks at the sums would change them by looking.

import type { ChannelFlow } from '../ground/settings.ts'
import { dropReasons, type DropReason } from '../ground/fate.ts'
import { Account } from '../ground/slice.ts'

/** Sums over accounts; the identity holds for them as for each. */
export interface Totals {
  accepted: number
  deliveries: number
  written: number
  forwarded: number
  stored: number
  pending: number
  rejected: number
  duplicates: number
  dropped: Record<DropReason, number>
  /** False: deliveries ≠ written + forwarded + stored + dropped + pending, which is a bug. */
  balanced: boolean
}

export class Accounts {
  /** What is published outside every channel. */
  readonly outside = new Account()
  /** What goes to the broker's own methods; not in the sums. */
  readonly methods = new Account()
  readonly #byChannel = new Map<string, Account>()
  /** Of channels that were deleted: what they delivered stays counted. */
  #retired: Account[] = []

  open(channel: string, flow?: ChannelFlow): Account {
    const account = new Account(flow)
    this.#byChannel.set(channel, account)
    return account
  }

  retire(channel: string): void {
    const account = this.#byChannel.get(channel)
    if (account === undefined) return
    account.isRetired = true
    this.#byChannel.delete(channel)
    this.#retired.push(account)
    this.#foldRetired()
  }

  channel(name: string): Account | undefined {
    return this.#byChannel.get(name)
  }

  totals(): Totals {
    this.#foldRetired()
    const totals = sum([this.outside, ...this.#byChannel.values(), ...this.#retired])
    return { ...totals, balanced: totals.balanced && this.methods.imbalance === 0 }
  }

  // A retired account with nothing pending does not change any more.
  #foldRetired(): void {
    const open: Account[] = []
    for (const account of this.#retired) {
      if (account.pending > 0) open.push(account)
      else fold(account, this.outside)
    }
    this.#retired = open
  }
}

function sum(accounts: readonly Account[]): Totals {
  const total = new Account()
  for (const account of accounts) {
    fold(account, total)
    total.pending += account.pending
  }
  const { accepted, deliveries, written, forwarded, stored, pending, rejected, duplicates, dropped } = total
  return { accepted, deliveries, written, forwarded, stored, pending, rejected, duplicates, dropped, balanced: total.imbalance === 0 }
}

function fold(from: Account, into: Account): void {
  into.accepted += from.accepted
  into.deliveries += from.deliveries
  into.written += from.written
  into.forwarded += from.forwarded
  into.stored += from.stored
  into.rejected += from.rejected
  into.duplicates += from.duplicates
  for (const reason of dropReasons) into.dropped[reason] += from.dropped[reason]
}
