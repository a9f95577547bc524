// What a message asks for in its headers, and the watch that tells its sender what became of it.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import { dropReasons, type DropReason, type Fate, type FateWatch } from './ground/fate.ts'
import type { StoredAt } from './ground/intake.ts'
import type { ServiceWish } from './ground/registry.ts'
import { Flag, Kind } from './ground/kind.ts'
import type { Compressed, Slice } from './ground/slice.ts'
import type { RunDetails } from './observe/recorder.ts'
import { queueHeaders, type QueueHeaders } from './queue-options.ts'
import type { Headers } from './wire/frame.ts'

const MAX_TTL_MS = 2 ** 31 - 1

/** What the headers of a message ask for. */
export interface MessageOptions {
  /** The sender's own id. */
  readonly mid: string | undefined
  /** Time to reach its receivers' kernels. ms, 1..2^31-1; 0 = any time will do */
  readonly ttlMs: number
  /** The receipt tells the fates, and comes when all are known. */
  readonly wantsFates: boolean
  /** What means something to a queue, unread; undefined: nothing does. */
  readonly queue: QueueHeaders | undefined
  /** What it asks of the choice among the instances of a name; undefined: nothing. */
  readonly wish: ServiceWish | undefined
}

/** All that is known of a message beside its frame. */
export interface Asked {
  readonly flags: number
  readonly options: MessageOptions
  readonly zstd: Compressed | undefined
  /** When permission was given, where threads had work with it before. µs since it was received, 0 = at once */
  readonly authorisedMicros: number
}

/** What the flight recorder keeps of it; undefined: nothing beside the run. */
export function detailsOf({ options: { mid }, authorisedMicros }: Asked): RunDetails | undefined {
  return mid === undefined && authorisedMicros === 0 ? undefined : { mid, authorisedMicros }
}

const nothingAsked: MessageOptions = { mid: undefined, ttlMs: 0, wantsFates: false, queue: undefined, wish: undefined }

/**
 * What the headers of a message ask for.
 * @throws BrokerError `frame.malformed` for a value that means nothing
 */
export function readOptions(headers: Headers | undefined): MessageOptions {
  if (headers === undefined) return nothingAsked
  const { mid, ttl, receipt } = headers
  if (ttl !== undefined && !(typeof ttl === 'number' && Number.isInteger(ttl) && ttl >= 1 && ttl <= MAX_TTL_MS)) throw malformed(`its header ttl must be an integer of 1..${MAX_TTL_MS} (ms)`)
  if (receipt !== undefined && receipt !== 'accepted' && receipt !== 'delivered') throw malformed('its header receipt must be "accepted" or "delivered"')
  return { mid: typeof mid === 'string' && mid.length <= 256 ? mid : Number.isSafeInteger(mid) ? String(mid) : undefined, ttlMs: typeof ttl === 'number' ? ttl : 0, wantsFates: receipt === 'delivered', queue: queueHeaders(headers), wish: wishOf(headers) }
}

const MAX_WISH = 256

// On subjects that are no names of instances these words are the sender's own, so nothing of them is refused here.
function wishOf({ version, affinity }: Headers): ServiceWish | undefined {
  if (version === undefined && affinity === undefined) return undefined
  return serviceWish(wordOf(version), wordOf(affinity))
}

function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : Number.isSafeInteger(value) ? String(value) : undefined
}

/** The wish that two words make; undefined: none. A key that is too long for one counts with its beginning. */
export function serviceWish(version: string | undefined, affinity: string | undefined): ServiceWish | undefined {
  return version === undefined && affinity === undefined ? undefined : { version, affinity: affinity?.slice(0, MAX_WISH) }
}

/** Puts what is asked for on the slice; the watch that must be told how many receivers there are, when the fates are wanted. */
export function applyOptions(core: Core, connection: Connection, slice: Slice, id: number, { flags, options: { ttlMs, wantsFates } }: Asked): ReceiptWatch | undefined {
  if (ttlMs > 0) slice.expiresAtMs = core.clock.monotonicMs() + ttlMs
  if (!wantsFates || (flags & Flag.receipt) === 0) return undefined
  const watch = new ReceiptWatch(core, connection, id)
  slice.watch = watch
  return watch
}

/** Waits for the fates of one message and sends the receipt. */
export class ReceiptWatch implements FateWatch {
  readonly #core: Core
  readonly #connection: Connection
  readonly #id: number
  /** Where its queue keeps it, told before that it does. */
  storedAt: StoredAt | undefined
  /** Its queue does not, and its sender was told: there is no receipt. */
  isRefused = false
  #receivers = -1
  #settled = 0
  #written = 0
  #forwarded = 0
  #dropped: Partial<Record<DropReason, number>> = {}

  constructor(core: Core, connection: Connection, id: number) {
    this.#core = core
    this.#connection = connection
    this.#id = id
  }

  get awaited(): FateWatch['awaited'] {
    return this.isRefused ? undefined : { sender: this.#connection.number, ref: this.#id }
  }

  /** All deliveries are made: so many. */
  expect(receivers: number): void {
    this.#receivers = receivers
    if (receivers === 0) this.#dropped['no-interest'] = 1
    this.#look()
  }

  settled(_receiver: number, fate: Exclude<Fate, 'pending'>): void {
    this.#settled++
    if (fate === 'written') this.#written++
    else if (fate === 'forwarded') this.#forwarded++
    else if (fate !== 'stored') {
      const reason = dropReasons.find((each) => fate === `dropped(${each})`)!
      this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1
    }
    this.#look()
  }

  #look(): void {
    if (this.#settled !== this.#receivers || this.isRefused || !this.#connection.isPresent) return
    const body = {
      receivers: this.#receivers,
      written: this.#written,
      ...(this.#forwarded === 0 ? {} : { forwarded: this.#forwarded }),
      ...(this.storedAt === undefined ? {} : { stored: this.storedAt }),
      dropped: this.#dropped,
    }
    this.#core.send(this.#connection, { kind: Kind.receipt, ref: this.#id, body })
  }
}

function malformed(problem: string): BrokerError {
  return new BrokerError('frame.malformed', { problem })
}
