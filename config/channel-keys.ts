// The block `channels`: named streams beside the predefined ones.

import { defaulted, map, optional, required } from './keys.ts'
import { choice, list, subject } from './kinds.ts'

export const channelsBlock = optional(
  list(
    map({
      name: required(subject, 'Name of the channel; it owns this subject and everything below it.'),
      mode: defaulted(choice(['pubsub', 'broadcast']), 'pubsub', 'Who gets a message: subscribers, or every connection that may receive it.'),
    }),
  ),
  'none',
  'Channels that exist from the start, beside the predefined ones.',
)
