// The options by which a new queue is set otherwise than the configuration says for all of them.

import { InvalidArgumentError, Option } from 'commander'
import { queueRanges, type QueueOverrides } from '../broker/ground/queue-overrides.ts'
import { durabilities, type Durability, type OrderGuarantee, orderGuarantees, type WhenFull, whenFulls } from '../broker/ground/store-settings.ts'
import { backoff, count, sizeBytes, waitMs, whole } from './arguments.ts'
import { formatBytes, formatCount, formatDuration } from './format.ts'

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
    queue('--max-size <n>', 'most messages that wait; 0: any number').argParser(within(whole, queueRanges.maxMessages)),
    queue('--max-bytes <size>', 'most bytes of them; 0: any number').argParser(within(sizeBytes, queueRanges.maxBytes)),
    queue('--when-full <what>', 'refuse publishers, or drop the oldest or the newest').choices(whenFulls),
    queue('--retention <time>', 'a message that waited longer expires; 0: never').argParser(within(waitMs, queueRanges.retentionMs)),
    queue('--ack-wait <time>', 'how long a consumer may take over a message').argParser(within(waitMs, queueRanges.ackWaitMs)),
    queue('--max-ack-pending <n>', 'most messages that consumers have at a time').argParser(within(count, queueRanges.maxAckPending)),
    queue('--durability <level>', 'when a publish is confirmed').choices(durabilities),
    queue('--max-attempts <n>', 'deliveries before a message becomes a dead letter; 0: as many as it takes').argParser(within(whole, queueRanges.maxAttempts)),
    queue('--backoff <how>', 'exponential, fixed, or the waits themselves, such as 1s,5s,1m').argParser(waits),
    queue('--initial-delay <time>', 'wait before the second delivery').argParser(within(waitMs, queueRanges.delayMs)),
    queue('--max-delay <time>', 'longest wait').argParser(within(waitMs, queueRanges.delayMs)),
    queue('--dead-letter-age <time>', 'how long dead letters are kept; 0: for ever').argParser(within(waitMs, queueRanges.deadLetterMaxAgeMs)),
    queue('--no-dead-letter', 'keep no dead letters'),
    queue('--deduplicate <time>', 'take a message whose id came before within this time only once').argParser(within(waitMs, [0, queueRanges.windowMs[1]])),
    queue('--order <guarantee>', 'which messages wait for each other').choices(orderGuarantees),
  ]
}

/** As `read`, and in the range that the broker takes: it would name its own key, not the option. */
function within(read: (text: string) => number, [min, max]: readonly [min: number, max: number]): (text: string) => number {
  const show = read === waitMs ? formatDuration : read === sizeBytes ? formatBytes : formatCount
  return text => {
    const value = read(text)
    if (value < min || value > max) throw new InvalidArgumentError(`It must be from ${show(min)} to ${show(max)}.`)
    return value
  }
}

function waits(text: string): ReturnType<typeof backoff> {
  const { delays, delayMs } = queueRanges
  const how = backoff(text)
  if (Array.isArray(how) && (how.length > delays[1] || how.some(ms => ms > delayMs[1]))) throw new InvalidArgumentError(`It must be at most ${delays[1]} waits, each up to ${formatDuration(delayMs[1])}.`)
  return how
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
