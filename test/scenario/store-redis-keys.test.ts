// The keys of the store `redis`, at a real server: each is needed there, or makes a difference.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { startBroker } from '../support/broker.ts'
import { certificateAuthority, noOpenssl } from '../support/certificates.ts'
import { errorCode } from '../support/error-code.ts'
import { durable, redisTest, startRedisServer } from '../support/redis-server.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** What becomes of a message to a queue in such a store. */
async function outcome(t: ExecutionContext, redis: object): Promise<string> {
  const broker = await startBroker(t, { config: { queue: { backend: 'redis' }, store: { redis } } })
  const client = await broker.connect()
  const made = await errorCode(client.channels.create({ name: 'jobs', mode: 'queue' }))
  return made === 'resolved' ? errorCode(client.publish('jobs', 'x', { receipt: true })) : made
}

redisTest('config: url, passwordFile, prefix and strictDurability of store.redis say which server keeps queues, as whose, where and how well', async t => {
  const passwordFile = join(temporaryDirectory(t), 'password')
  writeFileSync(passwordFile, 'secret\n')
  const { url } = await startRedisServer(t, { ...durable, requirepass: 'secret' })
  t.is(await outcome(t, { url, passwordFile }), 'resolved')
  t.is(await outcome(t, { url }), 'store.failed', 'without the password')
  t.is(await outcome(t, { passwordFile, url: 'redis://127.0.0.1:1' }), 'store.unavailable', 'elsewhere')

  const queued = async (prefix: string): Promise<number> => {
    const broker = await startBroker(t, { config: { queue: { backend: 'redis' }, store: { redis: { url, passwordFile, prefix } } } })
    const client = await broker.connect()
    await client.channels.create({ name: 'jobs', mode: 'queue' })
    return (await client.publish('jobs', 'x', { receipt: true })).stored!.position
  }
  t.deepEqual([await queued('own'), await queued('other'), await queued('own')], [1, 1, 2], 'queues of another prefix are others')

  const weak = await startRedisServer(t, { appendonly: 'no' })
  t.is(await outcome(t, { url: weak.url }), 'store.durability')
  t.is(await outcome(t, { url: weak.url, strictDurability: false }), 'resolved')
})

const titled = (title: string): string => (noOpenssl === undefined ? title : `${title} (left out: ${noOpenssl})`)

;(noOpenssl === undefined ? redisTest : test.skip)(titled('config: ca, cert and key of store.redis.tls let queues into a server that asks for TLS and certificates of its own authority'), async (t: ExecutionContext) => {
  const authority = certificateAuthority(t)
  const [own, its] = [authority.issue('callboard'), authority.issue('redis')]
  const port = await reservedPort(t)
  await startRedisServer(t, { ...durable, 'tls-port': String(port), 'tls-cert-file': its.certFile, 'tls-key-file': its.keyFile, 'tls-ca-cert-file': authority.caFile, 'tls-auth-clients': 'yes' })
  const [url, tls] = [`rediss://127.0.0.1:${port}`, { ca: authority.caFile, cert: own.certFile, key: own.keyFile }]
  t.is(await outcome(t, { url, tls }), 'resolved')
  const { ca: _ca, ...unknown } = tls
  const outcomes = await Promise.all([{ url, tls: unknown }, { url, tls: { ca: tls.ca } }, { url }, { url, tls: { ...tls, ca: '/nowhere.pem' } }].map(redis => outcome(t, redis)))
  t.deepEqual(outcomes, ['store.unavailable', 'store.unavailable', 'store.unavailable', 'config.invalid'])
})
