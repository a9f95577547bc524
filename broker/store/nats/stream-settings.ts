// The streams and the consumer of one queue, as JetStream is asked for them.

import { setTimeout as wait } from 'node:timers/promises'
import { AckPolicy, DeliverPolicy, DiscardPolicy, JetStreamApiError, RetentionPolicy, StorageType, type ConsumerConfig, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import type { QueueSettings } from '../../ground/store-settings.ts'
import { CONSUMER, deadStream, deadSubject, NOTES_STREAM, waitingStream, waitingSubject } from './names.ts'

type Config = Partial<StreamConfig> & { name: string }

/** JetStream takes no shorter times than that. ms */
const MIN_WINDOW_MS = 100
/** Repeats of replays are known for so long, where the queue asks for no deduplication. ms */
const DEFAULT_WINDOW_MS = 120_000
/** How long what a broker has stays away from the others when it ends without a word: the ack wait, within bounds. ms */
const MIN_ACK_WAIT_MS = 5000
const MAX_ACK_WAIT_MS = 30_000
/** Requests for messages that wait at a time, of all brokers. */
const MAX_WAITING = 10_000
/** JetStream API: a stream of that name exists with other settings. */
const OTHER_SETTINGS = 10_058
/** JetStream API: other streams have the subjects. While another broker makes the same stream the server has its subjects before it has its name. */
const OVERLAP = 10_065
const MAKE_TRIES = 10
/** Between two tries. ms */
const MAKE_AGAIN_MS = 100
/** JetStream API: no such message; no such stream. */
const NOT_FOUND = [10_037, 10_043, 10_059]

export function ackWaitMs(settings: QueueSettings): number {
  return Math.min(MAX_ACK_WAIT_MS, Math.max(MIN_ACK_WAIT_MS, settings.ackWaitMs))
}

/** Each message is one consumer's, and gone when it is acknowledged. */
export function waitingConfig(queue: string, { maxMessages, maxBytes, whenFull, deduplication }: QueueSettings, replicas: number): Config {
  const isLimited = whenFull !== 'drop-oldest'
  return {
    name: waitingStream(queue),
    description: `queue ${queue}`,
    subjects: [waitingSubject(queue)],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_msgs: isLimited && maxMessages > 0 ? maxMessages : -1,
    max_bytes: isLimited && maxBytes > 0 ? maxBytes : -1,
    duplicate_window: nanos(deduplication.enabled ? Math.max(MIN_WINDOW_MS, deduplication.windowMs) : DEFAULT_WINDOW_MS),
    num_replicas: replicas,
  }
}

export function deadConfig(queue: string, { deadLetter }: QueueSettings, replicas: number): Config {
  const maxAgeMs = deadLetter.maxAgeMs === 0 ? 0 : Math.max(MIN_WINDOW_MS, deadLetter.maxAgeMs)
  return {
    name: deadStream(queue),
    description: `dead letters of queue ${queue}`,
    subjects: [deadSubject(queue, '*')],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    max_msgs_per_subject: 1,
    max_age: nanos(maxAgeMs),
    duplicate_window: nanos(maxAgeMs === 0 ? DEFAULT_WINDOW_MS : Math.min(maxAgeMs, DEFAULT_WINDOW_MS)),
    num_replicas: replicas,
  }
}

export function notesConfig(replicas: number): Config {
  return { name: NOTES_STREAM, description: 'what brokers note of queues', subjects: ['CBNOTES.*.*'], retention: RetentionPolicy.Limits, storage: StorageType.File, max_msgs_per_subject: 1, num_replicas: replicas }
}

/** How often a message is tried, and how many are on lease, the broker sees to itself. */
function consumerConfig(settings: QueueSettings): Partial<ConsumerConfig> {
  return { durable_name: CONSUMER, ack_policy: AckPolicy.Explicit, deliver_policy: DeliverPolicy.All, ack_wait: nanos(ackWaitMs(settings)), max_ack_pending: -1, max_deliver: -1, max_waiting: MAX_WAITING }
}

/** Made, or with these settings from now on; kept on so many servers at least. */
export async function makeStream(manager: JetStreamManager, config: Config, tries = MAKE_TRIES): Promise<void> {
  try {
    await manager.streams.add(config)
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error
    if (error.code === OVERLAP && tries > 1) {
      await wait(MAKE_AGAIN_MS)
      return makeStream(manager, config, tries - 1)
    }
    if (error.code !== OTHER_SETTINGS) throw error
    const { num_replicas: found } = (await manager.streams.info(config.name)).config
    // An operator may have asked for more copies than this broker does.
    await manager.streams.update(config.name, { ...config, num_replicas: Math.max(found, config.num_replicas ?? 1) })
  }
}

export async function makeConsumer(manager: JetStreamManager, queue: string, settings: QueueSettings): Promise<void> {
  const stream = waitingStream(queue)
  const config = consumerConfig(settings)
  const found = await manager.consumers.info(stream, CONSUMER).catch(orNothing)
  if (found === undefined) await manager.consumers.add(stream, config)
  else if (found.config.ack_wait !== config.ack_wait) await manager.consumers.update(stream, CONSUMER, config)
}

/** For `catch`: undefined where JetStream says that there is none. */
export function orNothing(error: unknown): undefined {
  if (error instanceof JetStreamApiError && (error.code === 10_014 || NOT_FOUND.includes(error.code))) return undefined
  throw error
}
