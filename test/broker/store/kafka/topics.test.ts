// Which topics a queue in Kafka is, how they are made, and that they go with it: what librdkafka's mock cluster cannot be asked.

import test from 'ava'
import { BrokerError } from '../../../../broker/ground/errors.ts'
import { defaultStore } from '../../../../broker/ground/store-settings.ts'
import type { KafkaLink } from '../../../../broker/store/kafka/kafka-link.ts'
import { KafkaStore } from '../../../../broker/store/kafka/kafka-store.ts'
import type { TopicConfig, TopicMetadata } from '../../../../broker/store/kafka/kafkajs-cluster.ts'
import { queueOf, topicsOf } from '../../../../broker/store/kafka/names.ts'
import { checkConfigs, missingTopics } from '../../../../broker/store/kafka/topics.ts'
import { errorCode } from '../../../support/error-code.ts'
import { queueSettings } from '../../../support/queue-rig.ts'
import { recordedLog } from '../../../support/recorded-log.ts'

const copies = (topic: string, partitions = 1, replicas = 1): TopicMetadata => ({ topic, partitionMetadata: Array.from({ length: partitions }, (_, partitionId) => ({ partitionId, replicas: Array.from({ length: replicas }, (_each, i) => i) })) })

/** Servers that have these topics, and refuse to make any. */
class Servers {
  readonly made: TopicConfig[] = []
  readonly deleted: string[] = []
  config = new Map<string, string>()
  readonly #topics: readonly TopicMetadata[]

  constructor(topics: readonly TopicMetadata[]) {
    this.#topics = topics
  }

  topics(): Promise<readonly TopicMetadata[]> {
    return Promise.resolve(this.#topics)
  }

  configs(topics: readonly string[]): Promise<Map<string, Map<string, string>>> {
    return Promise.resolve(new Map(topics.map(topic => [topic, this.config])))
  }

  create(topics: readonly TopicConfig[]): Promise<never> {
    this.made.push(...topics)
    return Promise.reject(new BrokerError('store.unavailable', { backend: 'kafka', problem: 'not authorized' }, { cause: { type: 'TOPIC_AUTHORIZATION_FAILED' } }))
  }

  delete(topics: readonly string[]): Promise<void> {
    this.deleted.push(...topics)
    return Promise.resolve()
  }
}

const storeOf = (servers: Servers, replicas = 1): KafkaStore =>
  new KafkaStore({ settings: { ...defaultStore, kafka: { ...defaultStore.kafka, prefix: 'hall', replicas } }, directory: '', log: recordedLog(), broker: 'b1' }, servers as unknown as KafkaLink, { writeMs: 1, silenceMs: 1 })

const listener = { leased: () => {}, happened: () => {}, stateChanged: () => {} }

test('kafka topics: the name of any queue makes three names that Kafka takes, and comes back from the first', t => {
  for (const queue of ['jobs', 'jobs.eu', 'a_b', 'größe', '日本', 'x/y z']) {
    const { waiting, journal, dead } = topicsOf('hall.1_a', queue)
    for (const name of [waiting, journal, dead]) t.regex(name, /^[\w.-]{1,249}$/)
    t.is(queueOf('hall.1_a', waiting), queue)
    t.is(queueOf('hall.1_a', journal), undefined)
    t.is(queueOf('hall', waiting), undefined, 'of another prefix')
  }
  // Kafka refuses topics whose names differ in these two alone.
  t.not(topicsOf('p', 'a.b').waiting.replaceAll('.', '_'), topicsOf('p', 'a_b').waiting.replaceAll('.', '_'))
  t.throws(() => topicsOf('p', 'x'.repeat(250)), { code: 'queue.bad_option' })
})

test('kafka topics: those that are missing are made of one partition, and are never deleted by age', t => {
  const [made] = missingTopics([copies('a', 1, 3)], ['a', 'b'], 3)
  t.like(made, { topic: 'b', numPartitions: 1, replicationFactor: 3 })
  const config = Object.fromEntries(made!.configEntries.map(({ name, value }) => [name, value]))
  t.like(config, { 'retention.ms': '-1', 'retention.bytes': '-1', 'cleanup.policy': 'delete', 'min.insync.replicas': '2', 'unclean.leader.election.enable': 'false' })
})

test('kafka topics: one with more partitions, or with fewer copies than are asked for, is refused', t => {
  t.throws(() => missingTopics([copies('a', 4)], ['a'], 1), { code: 'store.failed', message: /has 4 partitions/ })
  t.throws(() => missingTopics([copies('a', 1, 1)], ['a'], 3), { code: 'store.failed', message: /has 1 replicas, store.kafka.replicas asks for 3/ })
  t.deepEqual(missingTopics([copies('a', 1, 3), copies('other', 9)], ['a'], 2), [])
})

test('kafka topics: one that would lose what waits is refused with the setting that mends it', async t => {
  const good = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1', 'min.insync.replicas': '2' }
  const check = (config: object, replicas = 3): void => checkConfigs(new Map([['a', new Map(Object.entries(config))]]), replicas)
  t.notThrows(() => check(good))
  t.notThrows(() => check({ ...good, 'min.insync.replicas': '1' }, 2))
  t.notThrows(() => check({ ...good, 'min.insync.replicas': '3' }))
  for (const [name, value] of [['cleanup.policy', 'compact'], ['retention.ms', '604800000'], ['retention.bytes', '1'], ['min.insync.replicas', '1']] as const)
    t.throws(() => check({ ...good, [name]: value }), { code: 'store.failed', message: new RegExp(`topic a has ${name.replaceAll('.', '\\.')}=${value}`) })
  const servers = new Servers([copies('hall.jobs.waiting')])
  servers.config.set('retention.ms', '604800000')
  await t.throwsAsync(storeOf(servers).open('jobs', queueSettings(), listener), { code: 'store.failed', message: /hall\.jobs\.waiting has retention\.ms=604800000.*set it to -1/ })
})

test('kafka topics: where they cannot be made the error says which to make by hand', async t => {
  const servers = new Servers([copies('hall.jobs.waiting')])
  const error = await t.throwsAsync(storeOf(servers).open('jobs', queueSettings(), listener))
  t.like(error, { code: 'store.failed' })
  t.regex(error.message, /not authorized; make hall\.jobs\.journal, hall\.jobs\.dead of one partition/)
  t.deepEqual(servers.made.map(({ topic }) => topic), ['hall.jobs.journal', 'hall.jobs.dead'])
})

test('kafka topics: three copies give fsync, fewer refuse it', async t => {
  const strict = queueSettings({ durability: 'fsync' } as object)
  t.is(await errorCode(storeOf(new Servers([]), 2).open('jobs', strict, listener)), 'store.durability')
  t.is(await errorCode(storeOf(new Servers([]), 3).open('jobs', strict, listener)), 'store.failed', 'it comes as far as making topics')
})

test('kafka topics: queues are listed by their topics, and removed with all three', async t => {
  const topics = ['hall.jobs_2Eeu.waiting', 'hall.jobs_2Eeu.journal', 'hall.jobs_2Eeu.dead', 'hall.other.waiting', 'orders', 'hallway.x.waiting']
  const servers = new Servers(topics.map(topic => copies(topic)))
  const store = storeOf(servers)
  t.deepEqual(await store.names(), ['jobs.eu', 'other'])
  await store.remove('jobs.eu')
  t.deepEqual(servers.deleted.toSorted(), topics.slice(0, 3).toSorted())
})
