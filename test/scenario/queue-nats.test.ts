// Brokers that keep their queues in JetStream: what is published at one is consumed at another, each message once.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { natsStory, startNatsServer } from '../support/nats-server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const channels = [{ name: 'jobs', mode: 'queue', queue: { durability: 'os' } }]

function withStore(t: ExecutionContext, nats: object): Promise<LocalBroker> {
  return startBroker(t, { config: { queue: { backend: 'nats' }, store: { nats }, channels } })
}

natsStory('queues in NATS: two brokers share a queue, with the credentials that each shows', async t => {
  const { url } = await startNatsServer(t, { jetStream: true, config: { authorization: { user: 'broker', password: 'secret' } } })
  const credentials = join(temporaryDirectory(t), 'nats.credentials')
  writeFileSync(credentials, 'broker:secret\n')
  const brokers = [await withStore(t, { servers: [url], credentials }), await withStore(t, { servers: [url], credentials })]
  const clients = await Promise.all(brokers.map(broker => broker.connect()))
  const sent = Array.from({ length: 60 }, (_, i) => i)
  const receipts = await Promise.all(sent.map(i => clients[i % 2]!.publish('jobs', i, { receipt: true })))
  t.is(new Set(receipts.map(({ stored }) => stored!.position)).size, sent.length, 'each has a position of its own')
  const taken = await Promise.all(clients.map(client => client.fetch('jobs', { limit: 30, timeoutMs: 30_000 })))
  while (taken.flat().length < sent.length) for (const [i, client] of clients.entries()) taken[i]!.push(...(await client.fetch('jobs', { limit: 10, timeoutMs: 200 })))
  await Promise.all(taken.flat().map(message => message.ack()))
  t.deepEqual(taken.flat().map(({ value }) => Number(value)).toSorted((a, b) => a - b), sent)
  for (const client of clients) t.like((await client.call('queue.show', { name: 'jobs' })).counts, { ready: 0, inFlight: 0, acked: sent.length })
})

natsStory('queues in NATS: as many copies are kept as store.nats.replicas says, or the queue is not opened', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const broker = await withStore(t, { servers: [url] })
  t.is((await (await broker.connect()).publish('jobs', 1, { receipt: true })).stored!.position, 1)
  t.not(await errorCode(withStore(t, { servers: [url], replicas: 3 })), 'resolved')
})
