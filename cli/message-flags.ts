// The options of a message for the queue that keeps it, of `ipc send` and `ipc publish`.

import { Option } from 'commander'
import { durabilities, type Durability } from '../broker/ground/store-settings.ts'
import type { PublishOptions } from '../client/index.ts'
import { count, momentMs, waitMs } from './arguments.ts'

export interface MessageFlags {
  readonly id?: string
  readonly delay?: number
  readonly deliverAt?: number
  readonly ttl?: number
  readonly session?: string
  readonly sequence?: number
  readonly durability?: Durability
}

/** As declared for both commands. */
export function messageFlags(): Option[] {
  return [
    new Option('--id <id>', 'id of your own, such as msg-123: callboard trace --message-id finds it by that, and deduplication knows it by that'),
    new Option('--delay <time>', 'queues: not delivered before this time has passed').argParser(waitMs).conflicts('deliverAt'),
    new Option('--deliver-at <moment>', 'queues: not delivered before then, such as 2026-12-24T18:00').argParser(momentMs),
    new Option('--ttl <time>', 'worthless after this time: it expires').argParser(waitMs),
    new Option('--session <name>', 'queues: messages of one session are handled one after another, where the queue keeps order'),
    new Option('--sequence <n>', 'queues: its place within the session, from 1').argParser(count),
    new Option('--durability <level>', 'queues: what must hold before it is confirmed (default: as the queue has it)').choices(durabilities),
  ]
}

/** What the options say to publish and its kin. */
export function publishOptions({ id, delay, deliverAt, ttl, session, sequence, durability }: MessageFlags): PublishOptions {
  return {
    ...(id !== undefined && { mid: id }),
    ...(delay !== undefined && { delayMs: delay }),
    ...(deliverAt !== undefined && { deliverAt }),
    ...(ttl !== undefined && { ttlMs: ttl }),
    ...(session !== undefined && { session }),
    ...(sequence !== undefined && { sequence }),
    ...(durability !== undefined && { durability }),
  }
}
