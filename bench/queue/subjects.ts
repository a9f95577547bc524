// The servers that are measured beside each other, ours in three ways.

import type { Durability } from '../../broker/ground/store-settings.ts'
import { startCallboard } from './callboard-server.ts'
import { jetstreamVersion, startJetStream } from './jetstream-server.ts'
import { rabbitVersion, startRabbit } from './rabbitmq-server.ts'
import { redisVersion, startRedis } from './redis-server.ts'
import type { QueueServer } from './server.ts'

/** What is measured: a server as it is set up. */
export interface Subject {
  readonly name: SubjectName
  readonly title: string
  /** undefined: it is not installed. */
  version(): string | undefined
  /** `directory`: the one in which it makes its own. */
  start(directory: string): Promise<QueueServer>
}

export const subjectNames = ['fsync', 'os', 'memory', 'jetstream', 'redis', 'rabbitmq'] as const
export type SubjectName = (typeof subjectNames)[number]

export const subjects: Readonly<Record<SubjectName, Subject>> = {
  fsync: ours('fsync', 'receipt when the disk has it'),
  os: ours('os', 'receipt when the system has it'),
  memory: ours('memory', 'receipt when the store has it'),
  jetstream: { name: 'jetstream', title: 'work queue, file storage; no fsync before its ack', version: jetstreamVersion, start: startJetStream },
  redis: { name: 'redis', title: 'Streams, appendfsync always; XACK leaves the entry', version: redisVersion, start: startRedis },
  rabbitmq: { name: 'rabbitmq', title: 'classic durable queue, persistent, confirms', version: rabbitVersion, start: startRabbit },
}

function ours(durability: Durability & SubjectName, title: string): Subject {
  return { name: durability, title: `Callboard, embedded store: ${title}`, version: () => 'Callboard', start: directory => startCallboard(directory, durability) }
}
