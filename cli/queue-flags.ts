// The options by which a new queue is set otherwise than the configuration says for all of them.

import { Option } from 'commander'
import type { QueueOverrides } from '../broker/ground/queue-overrides.ts'
import { durabilities, type Durability, type OrderGuarantee, orderGuarantees, type WhenFull, whenFulls } from '../broker/ground/store-settings.ts'
import { backoff, count, sizeBytes, waitMs, whole } from './arguments.ts'

export interface QueueFlags {
  readonly maxSize?: number
  readonly maxBytes?: number
  readonly whenFull?: WhenFull
  readonly retention?: number
  readonly ackWait?: number
  readonly maxAckPending?: number
  readonly durability?: Durability
  readonly maxAttempts?: number
  readonly backoff?: 'exponential' | 'fixed' | readonly number[]
  readonly initialDelay?: number
  readonly maxDelay?: number
  readonly deadLetterAge?: number
  /** false: `--no-dead-letter`. */
  readonly deadLetter: boolean
  readonly deduplicate?: number
  readonly order?: OrderGuarantee
}

/** As declared for `ipc channel create`. */
export function queueFlags(): Option[] {
  const queue = (flags: string, about: string): Option => new Option(flags, `queue: ${about}`)
  return [
    queue('--max-size <n>', 'most messages that wait; 0: any number').argParser(whole),
    queue('--max-bytes <size>', 'most bytes of them; 0: any number').argParser(sizeBytes),
    queue('--when-full <what>', 'refuse publishers, or drop the oldest or the newest').choices(whenFulls),
    queue('--retention <time>', 'a message that waited longer expires; 0: never').argParser(waitMs),
    queue('--ack-wait <time>', 'how long a consumer may take over a message').argParser(waitMs),
    queue('--max-ack-pending <n>', 'most messages that consumers have at a time').argParser(count),
    queue('--durability <level>', 'when a publish is confirmed').choices(durabilities),
    queue('--max-attempts <n>', 'deliveries before a message becomes a dead letter; 0: as many as it takes').argParser(whole),
    queue('--backoff <how>', 'exponential, fixed, or the waits themselves, such as 1s,5s,1m').argParser(backoff),
    queue('--initial-delay <time>', 'wait before the second delivery').argParser(waitMs),
    queue('--max-delay <time>', 'longest wait').argParser(waitMs),
    queue('--dead-letter-age <time>', 'how long dead letters are kept; 0: for ever').argParser(waitMs),
    queue('--no-dead-letter', 'keep no dead letters'),
    queue('--deduplicate <time>', 'take a message whose id came before within this time only once').argParser(waitMs),
    queue('--order <guarantee>', 'which messages wait for each other').choices(orderGuarantees),
  ]
}

/** What the options say; undefined when there was none. */
export function overridesOf(flags: QueueFlags): QueueOverrides | undefined {
  const overrides = {
    maxMessages: flags.maxSize,
    maxBytes: flags.maxBytes,
    whenFull: flags.whenFull,
    retentionMs: flags.retention,
    ackWaitMs: flags.ackWait,
    maxAckPending: flags.maxAckPending,
    durability: flags.durability,
    retry: given({ maxAttempts: flags.maxAttempts, backoff: flags.backoff, initialDelayMs: flags.initialDelay, maxDelayMs: flags.maxDelay }),
    deadLetter: given({ enabled: flags.deadLetter ? undefined : false, maxAgeMs: flags.deadLetterAge }),
    deduplication: flags.deduplicate === undefined ? undefined : { enabled: flags.deduplicate > 0, ...(flags.deduplicate > 0 && { windowMs: flags.deduplicate }) },
    ordering: flags.order === undefined ? undefined : { enabled: flags.order !== 'none', guarantee: flags.order },
  }
  return given(overrides)
}

function given<T extends object>(part: T): T | undefined {
  const entries = Object.entries(part).filter(([, value]) => value !== undefined)
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T)
}
