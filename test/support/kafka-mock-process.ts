// A cluster of Kafka brokers that librdkafka mocks, as a process: the parent says by IPC what it shall do. Knows nothing of Callboard.
// Run by KafkaMock of kafka-mock.ts.

import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'

export type MockCommand =
  | { readonly do: 'topic'; readonly name: string; readonly partitions: number }
  | { readonly do: 'down' | 'up'; readonly broker: number }
  | { readonly do: 'leader'; readonly topic: string; readonly broker: number }
  // The next answers to requests of that kind, as numbers of errors of the protocol.
  | { readonly do: 'errors'; readonly api: number; readonly codes: readonly number[] }

const LIBRARY = 'librdkafka.so.1'
const PRODUCER = 0

const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
const library = koffi.load(LIBRARY)
const newConf = library.func('void *rd_kafka_conf_new()') as () => unknown
const set = library.func('int rd_kafka_conf_set(void *conf, const char *name, const char *value, void *text, size_t size)') as (conf: unknown, name: string, value: string, text: Buffer, size: number) => number
const newClient = library.func('void *rd_kafka_new(int type, void *conf, void *text, size_t size)') as (type: number, conf: unknown, text: Buffer, size: number) => unknown
const newCluster = library.func('void *rd_kafka_mock_cluster_new(void *rk, int brokers)') as (client: unknown, brokers: number) => unknown
const bootstraps = library.func('const char *rd_kafka_mock_cluster_bootstraps(void *cluster)') as (cluster: unknown) => string
const createTopic = library.func('int rd_kafka_mock_topic_create(void *cluster, const char *name, int partitions, int replicas)') as (cluster: unknown, name: string, partitions: number, replicas: number) => number
const setLeader = library.func('int rd_kafka_mock_partition_set_leader(void *cluster, const char *topic, int32_t partition, int32_t broker)') as (cluster: unknown, topic: string, partition: number, broker: number) => number
const setDown = library.func('int rd_kafka_mock_broker_set_down(void *cluster, int32_t broker)') as (cluster: unknown, broker: number) => number
const setUp = library.func('int rd_kafka_mock_broker_set_up(void *cluster, int32_t broker)') as (cluster: unknown, broker: number) => number
const pushErrors = library.func('int rd_kafka_mock_push_request_errors_array(void *cluster, int16_t api, size_t count, const int *codes)') as (cluster: unknown, api: number, count: number, codes: Int32Array) => void

const brokers = Number(process.argv[2] ?? 1)
const text = Buffer.alloc(512)
const conf = newConf()
// It warns of a client without servers: this one needs none.
set(conf, 'log_level', '3', text, text.length)
const client = newClient(PRODUCER, conf, text, text.length)
if (client === null) throw new Error(text.toString())
const cluster = newCluster(client, brokers)

function obey(command: MockCommand): number {
  switch (command.do) {
    case 'topic':
      return createTopic(cluster, command.name, command.partitions, 1)
    case 'leader':
      return setLeader(cluster, command.topic, 0, command.broker)
    case 'down':
      return setDown(cluster, command.broker)
    case 'up':
      return setUp(cluster, command.broker)
    case 'errors':
      pushErrors(cluster, command.api, command.codes.length, Int32Array.from(command.codes))
      return 0
  }
}

process.on('message', (command: MockCommand & { readonly number: number }) => process.send!({ number: command.number, result: obey(command) }))
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.send!({ bootstraps: bootstraps(cluster) })
