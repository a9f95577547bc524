import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import test from 'ava'
import { connect } from '../../client/index.ts'
import { ScriptedBroker, TOKEN } from '../support/scripted-broker.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

// The environment of this worker alone.
process.env['CALLBOARD_AGENT'] = 'early'
process.env['CALLBOARD_TOKEN'] = TOKEN

test.serial('connect: an agent tries again where the broker that started it was too busy to answer', async t => {
  const socket = join(temporaryDirectory(t), 'callboard.sock')
  const server = createServer()
  const broker = new ScriptedBroker(socket, server)
  t.teardown(() => broker.stop())
  await once(server.listen(socket), 'listening')
  process.env['CALLBOARD_SOCKET'] = socket
  const connecting = connect({ connectTimeoutMs: 250 })
  // It says nothing to the first, and welcomes the others until one of them has time enough itself.
  await broker.accept()
  void welcomeAll(broker)
  const client = await connecting
  t.teardown(() => client.destroy())
  t.true(client.isConnected)
})

test.serial('connect: an agent waits for the broker that started it, others do not', async t => {
  const socket = join(temporaryDirectory(t), 'callboard.sock')
  process.env['CALLBOARD_SOCKET'] = socket
  await t.throwsAsync(connect({ socket }), { code: 'connect.no_socket' })
  await t.throwsAsync(connect({ agent: false }), { code: 'connect.no_socket' })
  let isSettled = false
  const connecting = connect().finally(() => (isSettled = true))
  await nextTurn()
  const server = createServer()
  const broker = new ScriptedBroker(socket, server)
  t.teardown(() => broker.stop())
  server.listen(socket)
  await broker.welcome()
  const client = await connecting
  t.teardown(() => client.destroy())
  t.true(isSettled)
  t.true(client.isConnected)
})

async function welcomeAll(broker: ScriptedBroker): Promise<never> {
  for (;;) void (await broker.accept()).shakeHands({}).catch(() => {})
}
