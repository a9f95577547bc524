// What is known of one connection, open or closed, as the monitoring endpoints tell it. Times are on the monotonic clock.

export interface SubscriptionFigures {
  readonly subject: string
  readonly group: string | undefined
  /** What the client calls it. */
  readonly sid: string
  /** Messages that it was given; undefined where nobody counts them: native frames carry nothing for each subscription. */
  readonly messages: number | undefined
  /** Messages after which it ends by itself; undefined: it does not. */
  readonly max: number | undefined
}

export interface ConnectionFigures {
  readonly number: number
  /** What it speaks: `nats`, `websocket` (NATS over it), or `callboard`. */
  readonly type: 'nats' | 'websocket' | 'callboard'
  readonly ip: string
  /** 0 where there are none. */
  readonly port: number
  readonly startMs: number
  /** When bytes were last seen to come or go; looked at once a second. */
  readonly activeMs: number
  /** undefined: it is open. */
  readonly end: { readonly atMs: number; readonly reason: string } | undefined
  /** undefined: not measured. */
  readonly rttMicros: number | undefined
  readonly pendingBytes: number
  readonly inMessages: number
  readonly outMessages: number
  readonly inBytes: number
  readonly outBytes: number
  readonly subscriptions: number
  readonly name: string | undefined
  readonly lang: string | undefined
  readonly version: string | undefined
  /** undefined: it did not authenticate. */
  readonly principal: string | undefined
  /** Its subscriptions; of a closed one the first few. */
  list(): Iterable<SubscriptionFigures>
}
