// One user's way to a queue: the same few words for every server, each said by the server's usual Node client.

export interface Lane {
  /** Resolves when the server has acknowledged it. */
  publish(payload: Uint8Array): Promise<unknown>
  /** Hands every message to `take` and acks it, at most 1,000 on lease at a time; what `take` gets is read before it returns. */
  consume(take: (payload: Uint8Array) => void, failed: (error: unknown) => void): Promise<Consuming>
  /** Messages that the server still keeps for consumers, waiting or on lease. */
  left(): Promise<number>
  close(): Promise<void>
}

export interface Consuming {
  /** Resolves when the server has every ack so far, as surely as the client can tell. */
  settled(): Promise<unknown>
  /** It takes no more when this resolves. */
  stop(): Promise<unknown>
}
