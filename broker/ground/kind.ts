// What frames are, and the bits that say more about them. Numbers of the wire; never renumbered.

/** What a frame is. 1..8 carry messages, 16 and above are control frames and never cross the router. */
export const Kind = {
  publish: 1,
  request: 2,
  /** Last answer to a request, or the only one. */
  response: 3,
  /** One of several answers of a stream; a `response` or `error` ends it. */
  part: 4,
  /** Ends a request with a failure, or tells that the frame `ref` was refused. */
  error: 5,
  /** A publish as one member of a queue group gets it: `ref` is the receiver's subscription number. */
  grouped: 6,
  /** A publish that was kept in a queue, on lease to its receiver: `to` is the receiver's subscription number, `ref` the position; the header `$attempt` from the second attempt on. */
  leased: 7,
  /** The same of a request, which the receiver may answer. */
  leasedRequest: 8,
  hello: 16,
  challenge: 17,
  proof: 18,
  welcome: 19,
  subscribe: 20,
  unsubscribe: 21,
  /** The control frame `ref` was done. */
  ok: 22,
  ping: 23,
  pong: 24,
  /** What became of the message `ref`, for senders that set the flag `receipt`. */
  receipt: 25,
  /** The requester no longer wants an answer to `ref`. */
  cancel: 26,
  /** Ends a request with the flag `many`: no more answers come. */
  end: 27,
  /** The last frame of a connection, with the reason. */
  goodbye: 28,
  /** Messages for this connection were lost here. */
  gap: 29,
  /** More may be sent on a subject, for clients that asked for credit. */
  credit: 30,
  /** How many messages of its session a client has got, so that the broker need not keep them for a resume. */
  ack: 31,
  /** The consumer `ref` takes so many more messages of its queue. */
  pull: 32,
  /** What became of messages on lease to the consumer `ref`; answered by `ok` when that is durable. */
  settle: 33,
  /** Whole frames that belong here stand in segment `ref` of memory that both ends share. */
  lent: 34,
  /** What stood in segment `ref` was read; 0: the memory that was offered can be reached. */
  returned: 35,
  /** This process of the broker is about to make way for another: with what it says the client goes on with its session there. Answered by `ack`. */
  moving: 36,
} as const

/** Bits of the field `flags`. Bits 0 and 1 are the payload type. */
export const Flag = {
  payloadType: 0b11,
  headers: 1 << 2,
  durable: 1 << 3,
  dedupe: 1 << 4,
  signed: 1 << 5,
  compressed: 1 << 6,
  traced: 1 << 7,
  receipt: 1 << 8,
  grouped: 1 << 9,
  many: 1 << 10,
  last: 1 << 11,
} as const

const names = new Map<number, string>(Object.entries(Kind).map(([name, kind]) => [kind, name]))

/** The kind's name, or its number when it has none. */
export function kindName(kind: number): string {
  return names.get(kind) ?? `kind ${kind}`
}
