// What became of messages, as the method trace.show tells it. Types only; docs/protocol.md section 5 is the contract.

export interface TraceEntry {
  readonly seq: number
  /** Microseconds since the epoch. */
  readonly time: number
  readonly origin: number
  readonly sender: string
  readonly id: number
  readonly kind: string
  readonly subject: string
  readonly count: number
  readonly bytes: number
  readonly receivers: number
  /** Sums up the fates of the deliveries: `written`, `pending`, `dropped(reason)`, `rejected(code)`, `mixed`. */
  readonly fate: string
  readonly preview?: string
  /** The sender's own string id. */
  readonly mid?: string
  /** response, part, error: which message they answer. */
  readonly answers?: { readonly origin: number; readonly id: number }
  readonly steps: TraceSteps
  /** Each receiver's fate, where one message was asked for. */
  readonly deliveries?: readonly TraceDelivery[]
}

/** When a run passed each step. Microseconds since it was received; undefined: not yet, or nobody was there. */
export interface TraceSteps {
  readonly authorised: number
  readonly routed: number
  /** The last receiver's kernel has it. */
  readonly written?: number
}

export interface TraceDelivery {
  /** `conn-<origin>`, `broker` for its own methods, or `queue`. */
  readonly connection: string
  readonly client: string
  readonly fate: string
  /** Microseconds since it was received. */
  readonly written?: number
  /** The receiver is a queue: what it knows of the message. */
  readonly queue?: TraceQueue
}

/** A message in a queue. Times are microseconds since the broker received it. */
export interface TraceQueue {
  readonly position: number
  /** It was stored before, under the same id. */
  readonly duplicate?: true
  readonly stored: number
  /** What happened to it since, as far as it is remembered, oldest first. */
  readonly events: readonly TraceQueueEvent[]
}

export interface TraceQueueEvent {
  /** `leased`, `acked`, `nacked`, `termed`, `released`, `lost`, `forwarded`; `retry`, `dead-lettered`, `expired`, `dropped`. */
  readonly event: string
  readonly at: number
  readonly attempt?: number
  /** The consumer's. */
  readonly connection?: string
  readonly client?: string
  readonly reason?: string
}

/** Which messages a trace shows. All that are given must hold. */
export interface TraceQuery {
  readonly channel?: string
  readonly limit?: number
  readonly after?: number
  /** `broker.incarnation.origin.id`, `origin.id`, or a sender's own string id. Answers with every receiver's fate, and with the answers to a request. */
  readonly messageId?: string
  /** Only what took longer from received to written. ms */
  readonly slowMs?: number
  /** Only what was lost or refused, in part or in whole. */
  readonly dropped?: boolean
}
