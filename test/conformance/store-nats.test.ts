// The suite of stores against JetStream of a real nats-server.

import test from 'ava'
import { defaultStore } from '../../broker/ground/store-settings.ts'
import { openNats } from '../../broker/store/nats/open.ts'
import { NatsServer, natsStory, noNatsServer } from '../support/nats-server.ts'
import { recordedLog } from '../support/recorded-log.ts'
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
  lacks: ['forward', 'expiry after restart', 'ids of settled messages over restarts'],
  runs: 4,
  world: async () => {
    const { url } = await server.promise
    return {
      queue: `jobs-${++queues}`,
      open: broker => openNats({ settings: { ...defaultStore, backend: 'nats', nats: { servers: [url], credentials: undefined, replicas: 1 } }, directory: '', log: recordedLog(), broker }),
    }
  },
})
