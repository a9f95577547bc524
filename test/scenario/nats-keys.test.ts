// Keys of the block `nats`, in a broker that has them and in one that has not.

import test from 'ava'
import { startBroker } from '../support/broker.ts'
import { freePort } from '../support/free-port.ts'

test('config: nats.enabled false, and false in the place of the block, open no port', async t => {
  for (const nats of [{ enabled: false }, false]) {
    const { broker } = await startBroker(t, { config: { nats } })
    t.is(broker.natsAddress, undefined)
    t.is(broker.natsProblem, undefined)
    t.notRegex(JSON.stringify(broker.tree()), /listener\.nats/)
  }
})

test('config: nats.host and nats.port say where', async t => {
  const port = await freePort('127.0.0.2')
  const { nats } = await startBroker(t, { config: { nats: { host: '127.0.0.2', port } } })
  t.is(nats, `nats://127.0.0.2:${port}`)
})

test('config: nats.host beyond this machine is said in the log', async t => {
  const broker = await startBroker(t, { config: { nats: { host: '0.0.0.0', port: 0 } } })
  t.truthy(await broker.log.logged(/the NATS port listens beyond this machine, and without TLS/))
})
