// What the monitoring endpoints (`/varz`, `/connz` and the others of nats-server) ask of the broker. Interface only.

export const connectionSorts = ['cid', 'start', 'subs', 'pending', 'msgs_to', 'msgs_from', 'bytes_to', 'bytes_from', 'last', 'idle', 'uptime', 'stop', 'reason', 'rtt'] as const
export type ConnectionSort = (typeof connectionSorts)[number]

/** A part of a list. */
export interface Page {
  readonly offset: number
  /** At most 1,024 are told at a time, whatever is asked for: a list costs the time of everybody. */
  readonly limit: number
}

export interface ConnectionQuery extends Page {
  readonly sort: ConnectionSort
  readonly state: 'open' | 'closed' | 'any'
  readonly subscriptions: 'none' | 'list' | 'detail'
  /** One connection by its number; undefined: all. */
  readonly cid: number | undefined
  /** Tell the names of principals. */
  readonly withPrincipals: boolean
  /** Only connections of that principal. */
  readonly principal: string | undefined
  readonly account: string | undefined
}

export interface SubscriptionQuery extends Page {
  readonly withList: boolean
  /** Only subscriptions that get what is published on this subject. */
  readonly subject: string | undefined
  readonly account: string | undefined
}

/** How often each path was asked for. */
export type RequestCounts = Readonly<Record<string, number>>

/** Answers as nats-server gives them: objects for JSON, in its names, types and order of fields. */
export interface Monitoring {
  varz(requests: RequestCounts): object
  connz(query: ConnectionQuery): object
  /** @throws BrokerError `subject.invalid` */
  subsz(query: SubscriptionQuery): object
  routez(): object
  gatewayz(): object
  leafz(): object
  jsz(): object
  /** Of one account, or the names of all; undefined when there is none of that name. */
  accountz(account: string | undefined): object | undefined
  accstatz(isUnusedToo: boolean): object
}
