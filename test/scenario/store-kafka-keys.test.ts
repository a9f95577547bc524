// The keys of the store `kafka`, at brokers of Kafka as librdkafka mocks them: each makes a difference there.

import { createServer, connect } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { topicsOf } from '../../broker/store/kafka/names.ts'
import { startBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { KafkaMock, kafkaStory } from '../support/kafka-mock.ts'
import { reservedPort } from '../support/reserved-port.ts'
import type { Teardown } from '../support/temporary-directory.ts'

/** What becomes of a message to a queue in such a store. */
async function outcome(t: Teardown, kafka: object): Promise<string> {
  const broker = await startBroker(t, { config: { queue: { backend: 'kafka', config: { durability: 'os' } }, store: { kafka } } })
  const client = await broker.connect()
  const made = await errorCode(client.channels.create({ name: 'jobs', mode: 'queue' }))
  return made === 'resolved' ? errorCode(client.publish('jobs', 'x', { receipt: true })) : made
}

/** Passes on to a server, and keeps what it was told first. */
async function listenedTo(t: Teardown, address: string): Promise<{ address: string; said: () => string }> {
  const heard: Buffer[] = []
  const server = createServer(socket => {
    const there = connect(Number(address.split(':')[1]), '127.0.0.1')
    socket.on('data', chunk => void heard.push(chunk))
    socket.pipe(there).pipe(socket)
    for (const each of [socket, there]) each.on('error', () => socket.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, said: () => Buffer.concat(heard).toString('latin1') }
}

kafkaStory('config: brokers, clientId, prefix and replicas of store.kafka say where queues are kept, as whom, in which topics and how often', async t => {
  const mock = await KafkaMock.start(t)
  await mock.topics(Object.values(topicsOf('hall', 'jobs')))
  const ear = await listenedTo(t, mock.brokers[0]!)
  const kafka = { brokers: [ear.address], clientId: 'hall-1', prefix: 'hall' }
  t.is(await outcome(t, kafka), 'resolved')
  t.regex(ear.said(), /hall-1/)
  t.is(await outcome(t, { ...kafka, brokers: [`127.0.0.1:${await reservedPort(t)}`] }), 'store.unavailable')
  // Topics of another prefix are not there, and the mock makes none.
  t.not(await outcome(t, { ...kafka, prefix: 'other' }), 'resolved')
  t.is(await outcome(t, { ...kafka, replicas: 2 }), 'store.failed')
})
