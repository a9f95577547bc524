// The list of connections as `/connz` tells it: chosen, sorted, a page of it. Knows connections as figures only.

import type { ConnectionQuery, ConnectionSort } from '../ground/monitoring.ts'
import { ACCOUNT } from './account.ts'
import type { ConnectionFigures, SubscriptionFigures } from './figures.ts'
import { duration, timestamp, uptime } from './go-format.ts'
import { wallAt, type Moment } from './moment.ts'

/** Connections, or subscriptions, in one answer. */
const MAX_LISTED = 1024
/** Subscriptions under the connections of one answer; those that follow are told without theirs. */
const MAX_SUBSCRIPTIONS_LISTED = 16_384

interface SubscriptionDetail {
  readonly subject: string
  readonly qgroup?: string
  readonly sid: string
  readonly msgs?: number
  readonly max?: number
  readonly cid: number
}

interface ConnectionInfo {
  readonly cid: number
  readonly kind: 'Client'
  readonly type: ConnectionFigures['type']
  readonly ip: string
  readonly port: number
  readonly start: string
  readonly last_activity: string
  readonly stop?: string
  readonly reason?: string
  readonly rtt: string
  readonly uptime: string
  readonly idle: string
  readonly pending_bytes: number
  readonly in_msgs: number
  readonly out_msgs: number
  readonly in_bytes: number
  readonly out_bytes: number
  readonly subscriptions: number
  readonly name?: string
  readonly lang?: string
  readonly version?: string
  readonly authorized_user?: string
  readonly subscriptions_list?: readonly string[]
  readonly subscriptions_list_detail?: readonly SubscriptionDetail[]
}

export interface Connz {
  readonly server_id: string
  readonly now: string
  readonly num_connections: number
  readonly total: number
  readonly offset: number
  readonly limit: number
  readonly connections: readonly ConnectionInfo[]
}

/** The answer to `query` over the connections there are; `closed` the last that were. */
export function connz(serverId: string, open: Iterable<ConnectionFigures>, closed: readonly ConnectionFigures[], query: ConnectionQuery, now: Moment): Connz {
  const all = [...(query.state === 'closed' ? [] : open), ...(query.state === 'open' ? [] : closed)]
  const { cid, principal, account, sort } = query
  const limit = cid === undefined ? pageLimit(query.limit) : 1
  const offset = Math.max(0, query.offset)
  const isWanted = (figures: ConnectionFigures): boolean => (cid === undefined || figures.number === cid) && (principal === undefined || figures.principal === principal)
  const chosen = account === undefined || account === ACCOUNT ? all.filter(isWanted).toSorted(orders[sort](now)) : []
  const page = chosen.slice(offset, offset + limit)
  let room = MAX_SUBSCRIPTIONS_LISTED
  const connections = page.map((figures) => {
    const isListed = query.subscriptions !== 'none' && figures.subscriptions > 0 && figures.subscriptions <= room
    if (isListed) room -= figures.subscriptions
    return connectionInfo(figures, isListed ? query.subscriptions : 'none', query.withPrincipals, now)
  })
  return { server_id: serverId, now: timestamp(now.wallMicros), num_connections: connections.length, total: cid === undefined ? all.length : 1, offset, limit, connections }
}

/** As many as were asked for, and as nats-server gives where nobody asked. */
export function pageLimit(limit: number): number {
  return limit <= 0 ? MAX_LISTED : Math.min(limit, MAX_LISTED)
}

export function subscriptionDetail(number: number, { subject, group, sid, messages, max }: SubscriptionFigures): SubscriptionDetail {
  return { subject, ...(group === undefined ? {} : { qgroup: group }), sid, ...(messages === undefined ? {} : { msgs: messages }), ...(max === undefined ? {} : { max }), cid: number }
}

function connectionInfo(figures: ConnectionFigures, listed: ConnectionQuery['subscriptions'], withPrincipals: boolean, now: Moment): ConnectionInfo {
  const { number, type, ip, port, startMs, activeMs, end, rttMicros, name, lang, version, principal } = figures
  const untilMs = end?.atMs ?? now.monotonicMs
  return {
    cid: number,
    kind: 'Client',
    type,
    ip,
    port,
    start: timestamp(wallAt(now, startMs)),
    last_activity: timestamp(wallAt(now, activeMs)),
    ...(end === undefined ? {} : { stop: timestamp(wallAt(now, end.atMs)), reason: end.reason }),
    rtt: duration(rttMicros ?? 0),
    uptime: uptime(untilMs - startMs),
    idle: uptime(untilMs - activeMs),
    pending_bytes: figures.pendingBytes,
    in_msgs: figures.inMessages,
    out_msgs: figures.outMessages,
    in_bytes: figures.inBytes,
    out_bytes: figures.outBytes,
    subscriptions: figures.subscriptions,
    ...(name === undefined ? {} : { name }),
    ...(lang === undefined ? {} : { lang }),
    ...(version === undefined ? {} : { version }),
    ...(withPrincipals && principal !== undefined ? { authorized_user: principal } : {}),
    ...(listed === 'list' ? { subscriptions_list: Array.from(figures.list(), ({ subject }) => subject) } : {}),
    ...(listed === 'detail' ? { subscriptions_list_detail: Array.from(figures.list(), (subscription) => subscriptionDetail(number, subscription)) } : {}),
  }
}

type Order = (a: ConnectionFigures, b: ConnectionFigures) => number

const byNumber: Order = (a, b) => a.number - b.number

/** The most first; among equals the oldest. */
function most(of: (figures: ConnectionFigures, now: Moment) => number): (now: Moment) => Order {
  return (now) => (a, b) => of(b, now) - of(a, now) || byNumber(a, b)
}

const orders: Readonly<Record<ConnectionSort, (now: Moment) => Order>> = {
  cid: () => byNumber,
  start: () => byNumber,
  subs: most(({ subscriptions }) => subscriptions),
  pending: most(({ pendingBytes }) => pendingBytes),
  msgs_to: most(({ outMessages }) => outMessages),
  msgs_from: most(({ inMessages }) => inMessages),
  bytes_to: most(({ outBytes }) => outBytes),
  bytes_from: most(({ inBytes }) => inBytes),
  last: most(({ activeMs }) => activeMs),
  idle: most(({ activeMs, end }, now) => (end?.atMs ?? now.monotonicMs) - activeMs),
  uptime: most(({ startMs, end }, now) => (end?.atMs ?? now.monotonicMs) - startMs),
  stop: most(({ end }) => end?.atMs ?? Infinity),
  reason: () => (a, b) => compare(a.end?.reason ?? '', b.end?.reason ?? '') || byNumber(a, b),
  rtt: most(({ rttMicros }) => rttMicros ?? 0),
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
