// The one script by which queues are kept in Redis: every step of a queue is one call of it, and so atomic for all brokers.

import { endings } from './endings.ts'
import { ground } from './ground.ts'
import { leasing } from './leasing.ts'
import { operations } from './operations.ts'
import { order } from './order.ts'

/** What it can be asked; see operations.ts. */
export type Operation = 'open' | 'leave' | 'reclaim' | 'append' | 'lease' | 'tick' | 'settle' | 'forward' | 'counts' | 'waiting' | 'dead' | 'replay' | 'purgeDead' | 'purgeWaiting' | 'positions' | 'pause' | 'change'

export const script = [ground, order, endings, leasing, operations].join('\n')
