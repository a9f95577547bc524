// One story after the other: each has a broker and several command lines, and all fourteen at once leave none of them its time.

import { once } from 'node:events'
import { createInterface } from 'node:readline'
import test from 'ava'
import { connect } from '../../../client/index.ts'
import { startBroker } from '../../support/broker.ts'
import { patientHome, startCallboard, type CommandLine } from '../../support/callboard.ts'
import type { Teardown } from '../../support/temporary-directory.ts'

/** For answers, to which the command line gives 5 s. */
const WAIT = ['--wait', '--timeout', '1m']

// The connections that listen; a command that subscribes is ready when it is among them.
async function untilSubscribed(broker: CommandLine, count: number): Promise<void> {
  const client = await connect({ home: broker.home, program: 'watcher' })
  for (let subscribed = 0; subscribed < count; ) {
    const { connections } = await client.call('connections')
    subscribed = connections.reduce((sum, each) => sum + each.subscriptions, 0)
  }
  await client.close()
}

// The broker is in this process: the command lines are the story.
async function commands(t: Teardown): Promise<CommandLine> {
  return (await startBroker(t)).callboard
}

test.serial('messages: send without --wait says how many got it, and that nobody did', async t => {
  const broker = await commands(t)
  const run = await broker.run('ipc', 'send', '--message', 'status')
  t.is(run.exit, 0)
  t.is(run.stdout, 'sent to command: 0 receivers\n')
  t.regex(run.stderr, /^hint: nobody listens/)
})

test.serial('messages: send --wait prints the answer, and each part of several', async t => {
  const broker = await commands(t)
  const agent = await connect({ home: broker.home, clientId: 'worker' })
  t.teardown(() => agent.destroy())
  const asked: unknown[] = []
  await agent.subscribe('command', {
    onMessage: async message => {
      asked.push(message.value)
      if (message.value === 'count') await message.part('one')
      await message.respond(message.value === 'count' ? 'two' : { healthy: true })
    },
  }).ready
  const one = await broker.run('ipc', 'send', '--channel', 'command', '--message', '{"action":"status","target":"gateway"}', ...WAIT)
  t.is(one.stdout, '{\n  "healthy": true\n}\n')
  t.is((await broker.run('ipc', 'send', '--message', 'count', ...WAIT)).stdout, 'one\ntwo\n')
  const [part, last] = (await broker.json('ipc', 'send', '--message', 'count', ...WAIT)) as { type: string; payload: unknown }[]
  t.like(part, { type: 'part', payload: 'one' })
  t.like(last, { type: 'response', payload: 'two' })
  t.deepEqual(asked, [{ action: 'status', target: 'gateway' }, 'count', 'count'])
  t.is((await broker.run('ipc', 'send', '--to', 'client:worker', '--message', 'x')).stdout, 'sent to $CB.to.client.worker: 1 receiver\n')
})

test.serial('messages: send --trace asks for spans and says under which id they are found', async t => {
  const broker = await commands(t)
  const agent = await connect({ home: broker.home })
  t.teardown(() => agent.destroy())
  await agent.subscribe('command', { onMessage: message => message.respond(message.headers) }).ready
  const asked = await broker.run('ipc', 'send', '--message', 'status', ...WAIT, '--trace')
  const [, traceId] = /^trace ([\da-f]{32})\n$/.exec(asked.stderr)!
  t.regex((JSON.parse(asked.stdout) as { traceparent: string }).traceparent, new RegExp(`^00-${traceId}-[\\da-f]{16}-01$`))
  t.is((await broker.run('ipc', 'send', '--message', 'status', ...WAIT)).stdout, 'null\n')
})

test.serial('messages: what goes wrong with a request says what to do', async t => {
  const broker = await commands(t)
  const nobody = await broker.run('ipc', 'send', '--message', 'status', ...WAIT)
  t.is(nobody.exit, 1)
  t.regex(nobody.stderr, /^error: nobody answers requests on "command" \(request\.no_responders\)\nhint: callboard agents/)
  const gone = await broker.run('ipc', 'send', '--to', 'client:gone', '--message', 'x')
  t.is(gone.exit, 1)
  t.regex(gone.stderr, /nobody takes what is sent to client:gone.*\nhint: callboard ipc connections shows who is connected; NATS clients .* \$CB\.to\.client\.gone\n/)
  const silent = await connect({ home: broker.home })
  t.teardown(() => silent.destroy())
  await silent.subscribe('command', { onMessage: () => {} }).ready
  const late = await broker.run('ipc', 'send', '--message', 'status', '--wait', '--timeout', '50ms')
  t.is(late.exit, 1)
  t.regex(late.stderr, /request\.timeout.*\nhint: raise --timeout/)
})

test.serial('messages: Ctrl-C cancels a request, and the one who works on it learns it', async t => {
  const broker = await commands(t)
  const agent = await connect({ home: broker.home })
  t.teardown(() => agent.destroy())
  const arrived = Promise.withResolvers<AbortSignal>()
  await agent.subscribe('command', { onMessage: message => arrived.resolve(message.signal) }).ready
  const asking = broker.follow('ipc', 'send', '--message', 'status', '--wait', '--timeout', '1m')
  const signal = await arrived.promise
  const cancelled = new Promise(resolve => signal.addEventListener('abort', resolve))
  t.deepEqual(await asking.end('SIGINT'), [130, null])
  await cancelled
  t.pass()
})

test.serial('messages: a subscriber with --follow prints what is published, until Ctrl-C', async t => {
  const broker = await commands(t)
  await broker.run('ipc', 'channel', 'create', '--name', 'custom', '--mode', 'pubsub')
  const reader = broker.follow('ipc', 'subscribe', '--channel', 'custom', '--follow')
  await untilSubscribed(broker, 2)
  t.is((await broker.run('ipc', 'publish', '--channel', 'custom', '--message', '{"n":1}')).stdout, 'published 1 message to custom: 1 receiver\n')
  t.regex(await reader.next(), /^\d\d:\d\d:\d\d\.\d{3} {2}custom {2}\S+ {2}\{"n":1\}$/)
  await broker.run('ipc', 'publish', '--channel', 'custom.below', '--message', 'text')
  t.regex(await reader.next(), / {2}custom\.below {2}\S+ {2}text$/)
  t.deepEqual(await reader.end('SIGINT'), [0, null])
})

test.serial('messages: --filter and --limit choose, --json prints envelopes', async t => {
  const broker = await commands(t)
  await broker.run('ipc', 'channel', 'create', '--name', 'custom')
  const reader = broker.follow('ipc', 'subscribe', '--channel', 'custom', '--filter', 'type=status', '--limit', '2', '--follow', '--json')
  await untilSubscribed(broker, 2)
  for (const [type, n] of [['other', 0], ['status', 1], ['other', 2], ['status', 3], ['status', 4]]) await broker.run('ipc', 'publish', '--channel', 'custom', '--message', JSON.stringify({ type, n }))
  const exit = reader.process.exitCode === null ? new Promise(resolve => reader.process.once('exit', resolve)) : reader.process.exitCode
  t.like(JSON.parse(await reader.next()), { version: '1.0', type: 'event', subject: 'custom', payload: { type: 'status', n: 1 } })
  t.like(JSON.parse(await reader.next()), { payload: { type: 'status', n: 3 } })
  t.is(await exit, 0)
  await t.throwsAsync(reader.next(), { message: /printed no more/ })
})

test.serial('messages: without --follow a subscriber leaves with 0 when its time is up, and says that nothing came', async t => {
  const broker = await commands(t)
  const run = await broker.run('ipc', 'subscribe', '--channel', 'events', '--timeout', '100ms')
  t.deepEqual(run, { exit: 0, stdout: '', stderr: 'nothing came in 100 ms; with --follow it waits until Ctrl-C\n' })
})

test.serial('messages: members of a group share the messages', async t => {
  const broker = await commands(t)
  const words = ['ipc', 'subscribe', '--subject', 'work.*', '--group', 'g', '--follow']
  const readers = [broker.follow(...words), broker.follow(...words)]
  await untilSubscribed(broker, 2)
  t.is((await broker.run('ipc', 'publish', '--subject', 'work.item', '--message', 'x', '--count', '20')).stdout, 'published 20 messages to work.item: 20 deliveries\n')
  const printed: string[] = []
  const all = Promise.withResolvers<void>()
  const ends = readers.map(async reader => {
    for (;;) {
      printed.push(await reader.next())
      if (printed.length === 20) all.resolve()
    }
  })
  await all.promise
  for (const reader of readers) t.deepEqual(await reader.end('SIGINT'), [0, null])
  t.true((await Promise.allSettled(ends)).every(end => end.status === 'rejected'), 'both printed all they had')
  t.is(printed.length, 20)
})

test.serial('messages: a subscriber that follows comes back with the broker', async t => {
  const first = await startCallboard(t, { home: patientHome(t) })
  const reader = first.follow('ipc', 'subscribe', '--subject', 'x', '--follow')
  await untilSubscribed(first, 1)
  const stderr = createInterface({ input: reader.process.stderr! })[Symbol.asyncIterator]()
  const exit = once(first.process, 'exit')
  first.process.kill('SIGKILL')
  await exit
  t.is((await stderr.next()).value, 'disconnected; waiting for the broker to come back')
  const second = await startCallboard(t, { home: first.home })
  t.is((await stderr.next()).value, 'connected again')
  await untilSubscribed(second, 1)
  await second.run('ipc', 'publish', '--subject', 'x', '--message', 'again')
  t.regex(await reader.next(), / {2}again$/)
})

test.serial('messages: the message may come from stdin', async t => {
  const broker = await commands(t)
  const client = await connect({ home: broker.home })
  t.teardown(() => client.destroy())
  const subscription = client.subscribe('in.>')
  await subscription.ready
  const publish = broker.follow('ipc', 'publish', '--subject', 'in.text', '--message', '-')
  publish.process.stdin!.end('two\nlines\n')
  const { value } = await subscription[Symbol.asyncIterator]().next()
  t.is(value?.value, 'two\nlines')
})

test.serial('messages: a broadcast reaches every other client and counts them', async t => {
  const broker = await commands(t)
  const client = await connect({ home: broker.home })
  t.teardown(() => client.destroy())
  const subscription = client.subscribe('$CB.all')
  await subscription.ready
  const run = await broker.run('ipc', 'broadcast', '--message', '{"type":"notification","content":"System update available"}')
  t.is(run.stdout, 'broadcast to 1 client\n')
  t.deepEqual((await subscription[Symbol.asyncIterator]().next()).value?.value, { type: 'notification', content: 'System update available' })
})

test.serial('messages: a channel that does not exist is refused, with the name that was meant', async t => {
  const broker = await commands(t)
  for (const words of [['publish', '--message', 'x'], ['subscribe'], ['send', '--message', 'x', '--wait']]) {
    const run = await broker.run('ipc', ...words, '--channel', 'evnets')
    t.is(run.exit, 1)
    t.is(run.stderr, 'error: no channel "evnets" (channel.not_found)\nhint: did you mean "events"? Or create it with: callboard ipc channel create --name evnets\n')
  }
})

test.serial('messages: a head that leaves early ends a subscriber in silence', async t => {
  const broker = await commands(t)
  const reader = broker.follow('ipc', 'subscribe', '--subject', 'x', '--follow')
  await untilSubscribed(broker, 1)
  let stderr = ''
  reader.process.stderr!.on('data', chunk => (stderr += String(chunk)))
  reader.process.stdout!.destroy()
  const exit = new Promise(resolve => reader.process.once('exit', resolve))
  // The first line meets the closed pipe.
  await broker.run('ipc', 'publish', '--subject', 'x', '--message', 'x')
  t.is(await exit, 0)
  t.is(stderr, '')
})
