// What the client needs of its surroundings: a byte stream, a keyed hash, a later turn. Node's are in unix-link.ts and
// connect.ts, a browser's in websocket-link.ts and browser.ts, so nothing above this file imports a `node:` module.

import type { MemoryOffer } from '../broker/ground/shared-memory.ts'

/** What a link tells its owner. */
export interface LinkHandler {
  /** Bytes arrived; they belong to the handler from now on. */
  received(chunk: Uint8Array): void
  /** After a write that returned false: everything has left, more may follow. */
  drained(): void
  /** The link is gone, whoever closed it; called exactly once and last. */
  closed(problem: Error | undefined): void
}

/** Memory in which large frames pass beside a link. Numbers are those of segments. */
export interface BesideLink {
  /** undefined: the bytes go by the link itself. */
  lend(bytes: Uint8Array): number | undefined
  returned(number: number): void
  /** @throws BrokerError `memory.unreadable` */
  take(number: number, bytes: number): Uint8Array
  close(): void
}

/** One way to the broker. `received` chunks may end anywhere in a frame. */
export interface ClientLink {
  /** Bytes that were written and have not left; some go in one piece, so it may stand still for a while. */
  readonly unsentBytes: number
  /** Takes memory that the broker offers; undefined: this process cannot reach it. Not there: such links have none. */
  readonly share?: (offer: MemoryOffer, maxReadBytes: number) => BesideLink | undefined
  /** Sets who is told; called once, before anything else. Nothing is read before. */
  attach(handler: LinkHandler): void
  /** Takes whole frames, always; false = above high-water, wait for `drained()` before the next. */
  write(bytes: Uint8Array): boolean
  /** Stops reading, or at least handing on; what was read before may still arrive. */
  pause(): void
  resume(): void
  /** Ends in order: what was written still leaves. */
  close(): void
  /** Ends now. */
  destroy(): void
}

/** HMAC-SHA256, 32 bytes. */
export type Hmac = (key: Uint8Array, data: Uint8Array) => Uint8Array

/** Compression of payloads. */
export interface Zstd {
  compress(bytes: Uint8Array): Uint8Array
  /** Throws when `bytes` do not come to `size` bytes. */
  decompress(bytes: Uint8Array, size: number): Uint8Array
}

export interface Platform {
  /**
   * A new link to the broker.
   * @throws BrokerError `connect.*`, or the signal's reason when it aborts
   */
  openLink(signal: AbortSignal): Promise<ClientLink>
  /** Where nobody listens `openLink` says so at once, and nobody else is burdened: a Unix socket. Default: it is not. */
  readonly isLookCheap?: boolean
  readonly hmac: Hmac
  /** undefined: messages are sent and received plain. */
  readonly zstd?: Zstd | undefined
  /** Runs `task` once the current turn's input is handled, so that all frames of a turn leave in one write. */
  defer(task: () => void): void
}
