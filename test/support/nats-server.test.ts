import test from 'ava'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { certificateAuthority, noOpenssl } from './certificates.ts'
import { connectNats } from './nats-client.ts'
import { startNatsCluster } from './nats-cluster.ts'
import { natsTest, noNatsServer, startNatsServer } from './nats-server.ts'
import { until } from './until.ts'

/** Time that a server has to answer: the library's 5 s are short for a machine that runs many tests. */
const PATIENCE_MS = 60_000
const patient = { timeout: PATIENCE_MS }

/** The first message on a subject. */
function nextOn(client: NatsConnection, subject: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.subscribe(subject, { max: 1, callback: (error, message) => (error === null ? resolve(message.string()) : reject(error)) })
  })
}

natsTest('nats-server: carries messages, and is back on its port after a kill', async t => {
  const server = await startNatsServer(t)
  const client = await connectNats(t, server.url)
  const first = nextOn(client, 'a')
  client.publish('a', 'one')
  t.is(await first, 'one')
  const { pid } = server
  await server.kill()
  await client.closed()
  t.false(server.isRunning)
  await server.start()
  t.not(server.pid, pid)
  const again = await connectNats(t, server.url)
  const second = nextOn(again, 'a')
  again.publish('a', 'two')
  t.is(await second, 'two')
  t.regex(server.log, /Listening for client connections/)
})

natsTest('nats-server: one that stands still answers nothing, and goes on where it was', async t => {
  const server = await startNatsServer(t)
  const client = await connectNats(t, server.url)
  await server.freeze()
  let isAnswered = false
  const answered = client.flush().then(() => (isAnswered = true))
  t.is(await server.monitor('varz', 300), undefined)
  t.false(isAnswered)
  await server.thaw()
  await answered
  t.is((await server.monitor<{ server_name: string }>('varz', PATIENCE_MS))?.server_name, server.name)
})

natsTest('nats-server: what its store holds survives a kill', async t => {
  const server = await startNatsServer(t, { jetStream: true })
  const first = await connectNats(t, server.url)
  const manager = await jetstreamManager(first, patient)
  await manager.streams.add({ name: 'KEPT', subjects: ['kept'] })
  await jetstream(first, patient).publish('kept', 'one')
  await server.kill()
  await server.start()
  const again = await jetstreamManager(await connectNats(t, server.url), patient)
  t.is((await again.streams.info('KEPT')).state.messages, 1)
})

natsTest('nats-server: lets in whom its configuration names, and nobody else', async t => {
  const server = await startNatsServer(t, { config: { authorization: { users: [{ user: 'broker', password: 'secret' }] } } })
  await t.notThrowsAsync(connectNats(t, server.url, { user: 'broker', pass: 'secret' }))
  await t.throwsAsync(connectNats(t, server.url, { user: 'broker', pass: 'wrong' }), { message: /authorization/i })
})

const tlsTitle = 'nats-server: speaks TLS with a certificate of the test, and asks for one'
if (noOpenssl === undefined && noNatsServer === undefined)
  test(tlsTitle, async t => {
    const authority = certificateAuthority(t)
    const [own, client] = [authority.issue('server'), authority.issue('client')]
    const server = await startNatsServer(t, { config: { tls: { cert_file: own.certFile, key_file: own.keyFile, ca_file: authority.caFile, verify: true } } })
    const { caFile } = authority
    await t.notThrowsAsync(connectNats(t, server.url, { tls: { caFile, ...client } }))
    await t.throwsAsync(connectNats(t, server.url, { tls: { caFile } }))
  })
else test.skip(`${tlsTitle} (left out: ${noNatsServer ?? noOpenssl})`, () => {})

natsTest('nats-server: a configuration that it refuses is told with its words', async t => {
  await t.throwsAsync(startNatsServer(t, { config: { max_payload: 'many' } }), { message: /did not start: .*nats-server\.conf:5/s })
})

natsTest('nats-cluster: a stream has a copy on each server, and is led again after its leader was killed', async t => {
  const cluster = await startNatsCluster(t)
  t.is(cluster.running.length, 3)
  const leader = await cluster.untilLed()
  const client = await connectNats(t, cluster.besides(leader)[0]!.url)
  const manager = await jetstreamManager(client, patient)
  const { config } = await manager.streams.add({ name: 'THREE', subjects: ['three'], num_replicas: 3 })
  t.is(config.num_replicas, 3)
  const before = await cluster.leaderOf('THREE')
  await jetstream(client, patient).publish('three', 'one')
  await before.kill()
  await until(async () => {
    const after = await cluster.leaderOf('THREE')
    return after !== before
  })
  // The servers themselves may have lost their leader too.
  await cluster.untilLed()
  const other = await connectNats(t, cluster.running[0]!.url)
  t.is((await (await jetstreamManager(other, patient)).streams.info('THREE')).state.messages, 1)
  await before.start()
  await cluster.untilLed()
  t.is(cluster.running.length, 3)
})

natsTest('nats-cluster: messages reach every server, and two clusters side by side do not hear each other', async t => {
  const [one, two] = await Promise.all([startNatsCluster(t, { size: 2 }), startNatsCluster(t, { size: 2 })])
  const clients = await Promise.all([...one.urls, ...two.urls].map(url => connectNats(t, url)))
  const heard = clients.map((): string[] => [])
  clients.forEach((client, i) => client.subscribe('a', { callback: (_, message) => void heard[i]!.push(message.string()) }))
  await Promise.all(clients.map(client => client.flush()))
  // Interest crosses a route in its own time.
  await until(async () => {
    clients[0]!.publish('a', 'one')
    clients[2]!.publish('a', 'two')
    await Promise.all(clients.map(client => client.flush()))
    return heard.every(each => each.length > 0)
  })
  t.deepEqual(heard.map(each => [...new Set(each)]), [['one'], ['one'], ['two'], ['two']])
})
