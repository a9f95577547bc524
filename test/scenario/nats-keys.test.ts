// Keys of the block `nats`, in a broker that has them and in one that has not.

import test, { type ExecutionContext } from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { NatsPeer } from '../support/nats-peer.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { until } from '../support/until.ts'

test('config: nats.enabled false, and false in the place of the block, open no port', async t => {
  for (const nats of [{ enabled: false }, false]) {
    const { broker } = await startBroker(t, { config: { nats } })
    t.is(broker.natsAddress, undefined)
    t.is(broker.natsProblem, undefined)
    t.notRegex(JSON.stringify(broker.tree()), /listener\.nats/)
  }
})

test('config: nats.host and nats.port say where', async t => {
  const port = await reservedPort(t, '127.0.0.2')
  const { nats } = await startBroker(t, { config: { nats: { host: '127.0.0.2', port } } })
  t.is(nats, `nats://127.0.0.2:${port}`)
})

test('config: nats.host beyond this machine is said in the log', async t => {
  const broker = await startBroker(t, { config: { nats: { host: '0.0.0.0', port: 0 } } })
  t.truthy(await broker.log.logged(/the NATS port listens beyond this machine, and without TLS/))
})

interface Case {
  readonly keys: readonly string[]
  readonly config: object
  /** What can be seen of the keys. It must differ from what is seen without them. */
  readonly see: (broker: LocalBroker, t: ExecutionContext) => Promise<unknown>
  readonly without: unknown
  readonly with: unknown
}

/** What a client hears that says this, up to its PONG or its end. */
async function answerTo(t: ExecutionContext, broker: LocalBroker, text: string): Promise<string> {
  const peer = await NatsPeer.join(t, broker)
  peer.say(text)
  peer.say('PING\r\n')
  return (await Promise.race([peer.upTo('PONG\r\n'), peer.ending()])).replace(/PONG\r\n$/, '')
}

const cases: readonly Case[] = [
  { keys: ['serverName'], config: { serverName: 'hall.1' }, see: async (broker, t) => (await NatsPeer.open(t, broker.nats)).info['server_name'] === 'hall.1', without: false, with: true },
  {
    keys: ['maxPayload'],
    config: { maxPayload: 10 },
    see: async (broker, t) => [(await NatsPeer.open(t, broker.nats)).info['max_payload'], await answerTo(t, broker, 'PUB a 11\r\nhello world\r\n')],
    without: [1_048_576, ''],
    with: [10, '-ERR \'Maximum Payload Violation\'\r\n'],
  },
  { keys: ['maxControlLine'], config: { maxControlLine: 256 }, see: (broker, t) => answerTo(t, broker, `SUB ${'a'.repeat(250)} ${'1'.repeat(250)}\r\n`), without: '', with: '-ERR \'maximum control line exceeded\'\r\n' },
  {
    keys: ['maxPending'],
    config: { maxPending: '4mb' },
    see: async (broker, t) => {
      const [stuck, sdk] = [await NatsPeer.join(t, broker), await broker.connect()]
      stuck.say('SUB flood 1\r\n')
      await stuck.ping()
      stuck.socket.pause()
      for (let i = 0; i < 320; i++) await sdk.publish('flood', new Uint8Array(64 * 1024), { receipt: true })
      return (await sdk.call('stats')).dropped['slow-consumer']! > 0
    },
    without: false,
    with: true,
  },
  { keys: ['maxSubscriptions'], config: { maxSubscriptions: 2 }, see: (broker, t) => answerTo(t, broker, 'SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n'), without: '', with: '-ERR \'maximum subscriptions exceeded\'\r\n' },
  {
    keys: ['noAuthUser'],
    config: { noAuthUser: 'guest' },
    see: async (broker, t) => {
      const peer = await NatsPeer.open(t, broker.nats)
      peer.say('CONNECT {"verbose":false}\r\nPING\r\n')
      return Promise.race([peer.upTo('PONG\r\n'), peer.ending()])
    },
    without: '-ERR \'Authorization Violation\'\r\n',
    with: 'PONG\r\n',
  },
]

const guests = { principals: [{ name: 'guest', token: 'a-token-of-guests' }] }

for (const { keys, config, see, without, with: expected } of cases) {
  test(`config: ${keys.map(key => `nats.${key}`).join(', ')}`, async t => {
    const [plain, configured] = await Promise.all([startBroker(t, { config: guests }), startBroker(t, { config: { ...guests, nats: { port: 0, ...config } } })])
    t.deepEqual([await see(plain, t), await see(configured, t)], [without, expected])
  })
}

test('config: nats.pingInterval and nats.maxPingsOut: who does not answer that many pings is stale', async t => {
  const broker = await startBroker(t, { config: { nats: { port: 0, pingInterval: '100ms', maxPingsOut: 3 } } })
  const peer = await NatsPeer.open(t, broker.nats)
  // Nothing is waited for: a ping could come before it.
  peer.say(`CONNECT ${JSON.stringify({ verbose: false, auth_token: broker.token })}\r\n`)
  t.is(await peer.ending(), 'PING\r\nPING\r\nPING\r\n-ERR \'Stale Connection\'\r\n')
})

test('config: nats.authTimeout ends who does not authenticate', async t => {
  const broker = await startBroker(t, { config: { nats: { port: 0, authTimeout: '100ms' } } })
  const peer = await NatsPeer.open(t, broker.nats)
  t.is(await peer.ending(), '-ERR \'Authentication Timeout\'\r\n')
  t.regex((await broker.log.logged(/handshake\.timeout/)).text, /100 ms/)
})

test('config: nats.requestTimeout is what a native responder has for a request of a NATS client', async t => {
  const broker = await startBroker(t, { config: { nats: { port: 0, requestTimeout: '100ms' } } })
  const silent = await broker.native()
  await silent.subscribe(1, 'work')
  const peer = await NatsPeer.join(t, broker)
  peer.say('SUB reply 1\r\nPUB work reply 1\r\nx\r\n')
  t.is((await silent.nextOf(Kind.request)).to, 100)
  // Then nobody waits for it any more.
  const client = await broker.connect()
  await until(async () => (await client.call('connections')).connections.every(({ openRequests }) => openRequests === 0))
})

test('config: nats.monitor opens a port of its own', async t => {
  const broker = await startBroker(t, { config: { nats: { port: 0, monitor: { host: '127.0.0.2', port: 0 } } } })
  const address = /http:\/\/127\.0\.0\.2:\d+/.exec(JSON.stringify(broker.broker.tree()))?.[0]
  t.is((await fetch(`${address}/varz`).then(answer => answer.json() as Promise<{ port: number }>)).port, broker.natsPort)
})
