// Callboard has one space of subjects. nats-server calls that the global account, and its own connections' the system account.

import type { Moment } from './moment.ts'
import type { Traffic } from './departed.ts'
import { timestamp } from './go-format.ts'

export const ACCOUNT = '$G'
export const SYSTEM_ACCOUNT = '$SYS'

export interface AccountFigures extends Traffic {
  readonly startedMicros: number
  readonly connections: number
  readonly totalConnections: number
  readonly slowConsumers: number
  readonly subscriptions: number
}

/** `/accountz`: the accounts that there are, or one of them; undefined for one that there is not. */
export function accountz(serverId: string, account: string | undefined, figures: AccountFigures, stats: object, now: Moment): object | undefined {
  const head = { server_id: serverId, now: timestamp(now.wallMicros), system_account: SYSTEM_ACCOUNT }
  if (account === undefined) return { ...head, accounts: [ACCOUNT, SYSTEM_ACCOUNT] }
  if (account !== ACCOUNT && account !== SYSTEM_ACCOUNT) return undefined
  const isOurs = account === ACCOUNT
  return {
    ...head,
    account_detail: {
      account_name: account,
      update_time: timestamp(figures.startedMicros),
      ...(isOurs ? {} : { is_system: true }),
      expired: false,
      complete: true,
      jetstream_enabled: false,
      leafnode_connections: 0,
      client_connections: isOurs ? figures.connections : 0,
      subscriptions: isOurs ? figures.subscriptions : 0,
      ...(isOurs ? { sublist_stats: stats } : {}),
    },
  }
}

/** `/accstatz`: what went through each account that has connections; `isUnusedToo`: also where it has none. */
export function accstatz(serverId: string, figures: AccountFigures, isUnusedToo: boolean, now: Moment): object {
  const ours = {
    acc: ACCOUNT,
    conns: figures.connections,
    leafnodes: 0,
    total_conns: figures.connections,
    sent: { msgs: figures.outMessages, bytes: figures.outBytes },
    received: { msgs: figures.inMessages, bytes: figures.inBytes },
    slow_consumers: figures.slowConsumers,
  }
  return { server_id: serverId, now: timestamp(now.wallMicros), account_statz: figures.connections > 0 || isUnusedToo ? [ours] : [] }
}
