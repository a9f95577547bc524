// The one script by which queues are kept in Redis: every step of a queue is one call of it, and so atomic for all brokers.
//
// Why not consumer groups: a group knows no delays, no order of sessions and no attempt that does not count, and settling one message
// or making it a dead letter would be several commands between which a broker can end. Redis writes what a script did to its log as one
// transaction and syncs it once with whatever else came in the same turn, so a step of a thousand messages costs one sync.
// It is sent whole when a connection begins, and called by its digest.

import { endings } from './endings.ts'
import { ground } from './ground.ts'
import { leasing } from './leasing.ts'
import { operations } from './operations.ts'
import { order } from './order.ts'

/** What it can be asked; see operations.ts. */
export type Operation = 'open' | 'leave' | 'reclaim' | 'append' | 'lease' | 'tick' | 'settle' | 'forward' | 'counts' | 'waiting' | 'dead' | 'replay' | 'purgeDead' | 'purgeWaiting' | 'positions' | 'pause' | 'change'

export const script = [ground, order, endings, leasing, operations].join('\n')
