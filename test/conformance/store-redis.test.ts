// The suite of stores against a real redis-server, which syncs before it answers.

import test from 'ava'
import { noRedisServer, redisStory, startRedisServer, type RedisServer } from '../support/redis-server.ts'
import { redisWorld } from '../support/redis-store-world.ts'
import { storeConformance } from './store.ts'

// One server for all: each test has a queue of its own.
const server = Promise.withResolvers<RedisServer>()
const teardowns: (() => unknown)[] = []
let queues = 0

test.before(async () => {
  if (noRedisServer === undefined) server.resolve(await startRedisServer({ teardown: end => void teardowns.push(end) }))
})

test.after.always(async () => {
  for (const end of teardowns.toReversed()) await end()
})

storeConformance({
  name: 'redis',
  declare: (title, run) => redisStory(title, run),
  lacks: [],
  runs: 20,
  world: async () => redisWorld((await server.promise).url, `jobs-${++queues}`),
})
