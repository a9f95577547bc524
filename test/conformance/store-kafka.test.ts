// The suite of stores against brokers of Kafka as librdkafka mocks them.

import test from 'ava'
import { KafkaMock, kafkaStory, noKafkaMock } from '../support/kafka-mock.ts'
import { kafkaWorld } from '../support/kafka-store-world.ts'
import { storeConformance } from './store.ts'

// One cluster for all: each test has a queue of its own.
const cluster = Promise.withResolvers<KafkaMock>()
const teardowns: (() => unknown)[] = []
let queues = 0

test.before(async () => {
  if (noKafkaMock === undefined) cluster.resolve(await KafkaMock.start({ teardown: end => void teardowns.push(end) }))
})

test.after.always(async () => {
  for (const end of teardowns.toReversed()) await end()
})

storeConformance({
  name: 'kafka',
  declare: kafkaStory,
  lacks: ['forward', 'sharing', 'expiry after restart', 'removal'],
  runs: 10,
  world: async () => kafkaWorld(await cluster.promise, `jobs-${++queues}`),
})
