// What the load generator needs from a server's protocol. Each dialect is a file of its own.

import type { Numbering } from './chunk.ts'
import type { Credential } from './job.ts'
import type { Line } from './line.ts'

/** An encoded message and how it looks when it arrives. */
export interface Encoded {
  readonly bytes: Uint8Array
  readonly numbering: Numbering
  /** Length of the message as a receiver gets it. bytes */
  readonly deliveredBytes: number
}

/** A message as a checking receiver sees it. */
export interface Received {
  /** The number its sender gave it; of an answer the number of its request. */
  readonly number: number
  readonly subject: string
  readonly payload: Uint8Array
}

/** Bytes that an answer takes over from its request, by their offsets in the delivered request and in the answer. */
export interface Copied {
  readonly from: number
  readonly to: number
  readonly bytes: number
}

export interface Dialect {
  /** What the server may put between messages without being asked; none when empty. */
  readonly noise: Uint8Array
  /** How many bytes at the front of a payload carry the message's number; 0 when it stands elsewhere. */
  readonly numberedPayloadBytes: number
  /** Authenticates a fresh line; rejects with what the server said. */
  authenticate(line: Line, credential: Credential): Promise<void>
  /** Resolves when the server has taken all patterns. */
  subscribe(line: Line, patterns: readonly string[]): Promise<void>
  /** The first number a message may have, after the handshake and subscriptions of that line. */
  firstNumber(line: Line): number
  publish(subject: string, payload: Uint8Array): Encoded
  request(subject: string, payload: Uint8Array): Encoded
  /** The answer to any request on `subject`, but for what is copied. */
  response(subject: string, payload: Uint8Array): Encoded & { readonly copied: readonly Copied[] }
  /** What a requester subscribes to get its answers; none when answers need no subscription. */
  readonly answerPatterns: readonly string[]
  /**
   * A parser that is fed chunks and hands over whole messages.
   * It throws on anything that is neither a message nor noise.
   */
  parser(onMessage: (message: Received) => void): (bytes: Uint8Array) => void
  /** What unexpected bytes of the server mean, for people. */
  describe(bytes: Uint8Array): string
}
