// The block `channels`: named streams beside the predefined ones.

import { overflows } from '../broker/ground/settings.ts'
import { defaulted, map, optional, required } from './keys.ts'
import { choice, count, list, size, subject } from './kinds.ts'
import { queueChannelKeys } from './queue-keys.ts'

const KIB = 1024
const MIB = 1024 * KIB

export const channelsBlock = optional(
  list(
    map({
      name: required(subject, 'Name of the channel; it owns this subject and everything below it.'),
      mode: defaulted(choice(['pubsub', 'broadcast', 'queue']), 'pubsub', 'Who gets a message: subscribers, every connection that may receive it, or one of those that consume the queue in which it is kept.'),
      overflow: optional(choice(overflows), 'that of the receiver', 'What happens to messages of this channel that a receiver is too slow for.'),
      maxPendingMessages: optional(count(1, 100_000_000), 'no limit', 'Most messages of this channel that wait for one receiver.'),
      maxPendingBytes: optional(size(64 * KIB, 1024 * MIB), 'no limit', 'Most bytes of this channel that wait for one receiver.'),
      ...queueChannelKeys,
    }),
  ),
  'none',
  'Channels that exist from the start, beside the predefined ones.',
)
