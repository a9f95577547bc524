// The suite of stores against JetStream of a real nats-server.

import test from 'ava'
import { NatsServer, natsStory, noNatsServer } from '../support/nats-server.ts'
import { natsWorld } from '../support/nats-store-world.ts'
import { storeConformance } from './store.ts'

// One server for all: each test has a queue of its own.
const server = Promise.withResolvers<NatsServer>()
const teardowns: (() => unknown)[] = []
let queues = 0

test.before(async () => {
  if (noNatsServer !== undefined) return
  // More than 1 MiB, which is what servers take that are told nothing.
  const configured = await NatsServer.configure({ teardown: end => void teardowns.push(end) }, { jetStream: true, config: { max_payload: 4 * 1024 * 1024 } })
  await configured.start()
  server.resolve(configured)
})

test.after.always(async () => {
  for (const end of teardowns.toReversed()) await end()
})

storeConformance({
  name: 'nats',
  declare: (title, run) => natsStory(title, run),
  lacks: ['forward', 'expiry after restart'],
  runs: 4,
  world: async () => natsWorld([(await server.promise).url], `jobs-${++queues}`),
})
