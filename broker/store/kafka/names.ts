// How topics of Kafka are named after queues.
//
//   <prefix>.<queue>.waiting   what was published: position = offset + 1
//   <prefix>.<queue>.journal   what became of it: handed out, settled, given back, buried
//   <prefix>.<queue>.dead      dead letters

import { BrokerError } from '../../ground/errors.ts'

export interface QueueTopics {
  readonly waiting: string
  readonly journal: string
  readonly dead: string
}

/** Kafka takes no longer names. */
const MAX_NAME = 249
const ESCAPE = /_([0-9A-F]{2})/g
const WAITING = '.waiting'

/** Anything but letters, digits and `-` as `_` and two hexadecimal digits of each byte. No dot is left: Kafka refuses names that differ in `.` and `_` alone. */
function token(queue: string): string {
  return [...Buffer.from(queue)].map((byte) => (/[A-Za-z\d-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `_${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('')
}

/** @throws BrokerError `queue.bad_option` when the names would be longer than Kafka takes */
export function topicsOf(prefix: string, queue: string): QueueTopics {
  const base = `${prefix}.${token(queue)}`
  const waiting = base + WAITING
  if (waiting.length > MAX_NAME) throw new BrokerError('queue.bad_option', { problem: `the name of queue "${queue}" makes a topic of ${waiting.length} characters, Kafka takes ${MAX_NAME}; shorten it, or store.kafka.prefix` })
  return { waiting, journal: `${base}.journal`, dead: `${base}.dead` }
}

/** The queue of a topic of what waits; undefined: it is another topic. */
export function queueOf(prefix: string, topic: string): string | undefined {
  if (!topic.startsWith(`${prefix}.`) || !topic.endsWith(WAITING)) return undefined
  const name = topic.slice(prefix.length + 1, -WAITING.length)
  return name.includes('.') ? undefined : Buffer.from(name.replaceAll(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1').toString()
}
