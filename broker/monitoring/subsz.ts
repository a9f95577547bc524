// Subscriptions and the match cache as `/subsz` tells them.

import type { SubscriptionQuery } from '../ground/monitoring.ts'
import { ACCOUNT } from './account.ts'
import { pageLimit, subscriptionDetail } from './connz.ts'
import type { SubscriptionFigures } from './figures.ts'
import { timestamp } from './go-format.ts'
import type { Moment } from './moment.ts'

/** A subscription and the connection that has it. */
export interface HeldSubscription extends SubscriptionFigures {
  readonly cid: number
}

export interface RoutingFigures {
  /** Subscriptions made and ended since the start. */
  readonly inserts: number
  readonly removes: number
  /** Messages for which receivers were looked up, and how often the cache did not have them. */
  readonly matches: number
  readonly misses: number
  /** Receivers of each subject in the cache. */
  readonly fanouts: Iterable<number>
}

interface SublistStats {
  readonly num_subscriptions: number
  readonly num_cache: number
  readonly num_inserts: number
  readonly num_removes: number
  readonly num_matches: number
  readonly cache_hit_rate: number
  readonly max_fanout: number
  readonly avg_fanout: number
}

export function sublistStats({ inserts, removes, matches, misses, fanouts }: RoutingFigures): SublistStats {
  let [cached, most, sum] = [0, 0, 0]
  for (const fanout of fanouts) {
    cached++
    sum += fanout
    if (fanout > most) most = fanout
  }
  return {
    num_subscriptions: inserts - removes,
    num_cache: cached,
    num_inserts: inserts,
    num_removes: removes,
    num_matches: matches,
    // Routes are built anew for a change of subscriptions too: a few messages and many changes give more misses than matches.
    cache_hit_rate: matches === 0 ? 0 : Math.max(0, 1 - misses / matches),
    max_fanout: most,
    avg_fanout: cached === 0 ? 0 : sum / cached,
  }
}

/** The statistics alone where no subscription is told, as nats-server answers then. */
export function subsz(serverId: string, routing: RoutingFigures, subscriptions: Iterable<HeldSubscription>, { withList, account, ...page }: SubscriptionQuery, now: Moment): object {
  const stats = sublistStats(routing)
  if (!withList || (account !== undefined && account !== ACCOUNT)) return stats
  const limit = pageLimit(page.limit)
  const offset = Math.max(0, page.offset)
  const list: object[] = []
  let at = 0
  for (const subscription of subscriptions) {
    if (at++ < offset) continue
    if (list.length === limit) break
    list.push({ account: ACCOUNT, ...subscriptionDetail(subscription.cid, subscription) })
  }
  if (list.length === 0) return stats
  return { server_id: serverId, now: timestamp(now.wallMicros), ...stats, total: list.length, offset, limit, subscriptions_list: list }
}
