import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import test from 'ava'
import { runCallboard } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const talks: string[][] = [
  ['ipc', 'send', '--message', 'status'],
  ['ipc', 'send', '--message', 'status', '--wait'],
  ['ipc', 'publish', '--channel', 'custom', '--message', 'x'],
  ['ipc', 'subscribe', '--channel', 'events'],
  ['ipc', 'broadcast', '--message', 'x'],
  ['ipc', 'channel', 'create', '--name', 'custom', '--mode', 'pubsub'],
  ['ipc', 'channel', 'list'],
  ['ipc', 'connections'],
  ['ipc', 'trace', '--show'],
  ['ipc', 'metrics'],
  ['ipc', 'latency'],
  ['ipc', 'stats'],
  ['agents'],
  ['tree'],
  ['gateway', 'health'],
  ['gateway', 'ping'],
  ['gateway', 'connections', '--by-channel'],
  ['gateway', 'stats', '--period', '1h', '--metrics', 'messages'],
  ['gateway', 'latency', '--percentiles', '50,95,99'],
  ['gateway', 'trace', '--message-id', 'msg-123'],
  ['trace'],
  ['top', '--once'],
]

for (const words of talks) {
  test(`without a broker: callboard ${words.join(' ')} says how to start one`, async t => {
    const run = await runCallboard(t, words, { home: temporaryDirectory(t) })
    t.is(run.exit, 1)
    t.regex(run.stderr, /^error: no socket at .*callboard\.sock \(connect\.no_socket\)\nhint: start the broker with: callboard start\n$/)
  })
}

test('without a broker: a socket that nobody serves is told from a missing one', async t => {
  const home = temporaryDirectory(t)
  // A plain file refuses connections as the socket of a killed process does.
  writeFileSync(join(home, 'callboard.sock'), '')
  const run = await runCallboard(t, ['ipc', 'stats', '--json'], { home })
  t.is(run.exit, 1)
  const { error } = JSON.parse(run.stderr) as { error: { code: string; hint: string } }
  t.is(error.code, 'connect.refused')
  t.is(error.hint, 'start the broker with: callboard start')
})

test('without a broker: status and stop say so with exit code 1', async t => {
  for (const word of ['status', 'stop']) {
    const run = await runCallboard(t, [word], { home: temporaryDirectory(t) })
    t.is(run.exit, 1)
    t.regex(run.stderr, /no broker runs in .*\nhint: start it with: callboard start/)
  }
})

test('without a broker: stop does not guess whom to end when a stranger answers on the socket', async t => {
  const home = temporaryDirectory(t)
  const server = createServer().listen(join(home, 'callboard.sock'))
  t.teardown(() => server.close())
  await once(server, 'listening')
  const run = await runCallboard(t, ['stop'], { home })
  t.is(run.exit, 1)
  t.regex(run.stderr, /no pid file says who/)
})

test('without a broker: restart does not touch anything for a configuration that cannot start', async t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'bad.json'), '{ "ipc": { "timeut": 5 } }')
  const run = await runCallboard(t, ['restart', '--config', join(home, 'bad.json')], { home })
  t.is(run.exit, 2)
  t.regex(run.stderr, /bad\.json:1:\d+: .*timeut.*timeout/)
  t.false(existsSync(join(home, 'callboard.pid')))
})

test('without a broker: config check reads what start would read', async t => {
  const home = temporaryDirectory(t)
  t.regex((await runCallboard(t, ['config', 'check'], { home })).stdout, /valid: 0 agents/)
  writeFileSync(join(home, 'config.json'), '{ "agents": [{ "name": "a", "command": "true" }], }')
  const run = await runCallboard(t, ['config', 'check', '--json'], { home })
  t.is(run.exit, 0)
  t.like(JSON.parse(run.stdout), { ok: true, agents: ['a'] })
})
