// A channel as it stands in the bucket, and the key it stands under. Written and read here alone.

import { BrokerError } from '../../ground/errors.ts'
import { Fields } from '../../ground/fields.ts'
import { readQueueOverrides } from '../../ground/queue-overrides.ts'
import type { ChannelSpec } from '../../ground/types.ts'

// What a key of a bucket may have, without the `=` that other names begin with.
const PLAIN = /^[\w-]+(?:\.[\w-]+)*$/

/** The name itself, so that people find it; a name with other letters in base64url behind `=`. */
export function keyOfChannel(name: string): string {
  return PLAIN.test(name) ? name : `=${Buffer.from(name).toString('base64url')}`
}

export function channelOfKey(key: string): string {
  return key.startsWith('=') ? Buffer.from(key.slice(1), 'base64url').toString() : key
}

export function encodeChannel({ name, mode, createdAt, queue }: ChannelSpec, broker: string): string {
  return JSON.stringify({ name, mode, createdAt, ...(queue === undefined ? {} : { queue }), broker })
}

/** undefined for what is none; never throws. */
export function readChannel(key: string, value: Uint8Array): ChannelSpec | undefined {
  try {
    const { name, mode, createdAt, queue } = JSON.parse(Buffer.from(value).toString()) as Record<string, unknown>
    if (typeof name !== 'string' || keyOfChannel(name) !== key || (mode !== 'pubsub' && mode !== 'broadcast' && mode !== 'queue') || typeof createdAt !== 'number') return undefined
    const overrides = mode !== 'queue' || queue === undefined ? undefined : readQueueOverrides(new Fields('queue', queue, (problem) => new BrokerError('queue.bad_option', { problem })))
    return { name, mode, direction: 'both', predefined: false, createdAt, ...(overrides === undefined ? {} : { queue: overrides }) }
  } catch {
    return undefined
  }
}
