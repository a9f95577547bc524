import test from 'ava'
import type { ApiAnswer, HistoryAnswer } from '../../../broker/ground/api.ts'
import type { TraceEntry } from '../../../broker/ground/trace-api.ts'
import { startBroker, startBrokerProcess } from '../../support/broker.ts'
import { runCallboard } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

type Trace = ApiAnswer<'trace.show'>

/** For round trips, to which the command line gives 2 s. */
const PATIENCE = ['--timeout', '1m']

// One after another: each runs a broker and several commands, and all at once would be too much for a small machine.

test.serial('gateway: health as a whole, part by part, and for programs', async t => {
  const { callboard } = await startBroker(t)
  const whole = await callboard.run('gateway', 'health')
  // How late this process has been in the last minute is not the broker's doing: whoever else is on the machine decides that.
  t.is(whole.exit, /^fail: .*event loop: /.test(whole.stdout) ? 1 : 0, `${whole.stdout}${whole.stderr}`)
  t.is(whole.stdout.trim().split('\n').length, 1)
  const { stdout } = await callboard.run('gateway', 'health', '--detailed')
  for (const part of ['broker', 'registry', 'router', 'bus', 'connections', 'listener\\.unix', 'agents', 'recorder', 'event loop', 'memory']) t.regex(stdout, new RegExp(`^(?:ok|warn) +${part} `, 'm'))
  const json = await callboard.run('gateway', 'health', '--json')
  const health = JSON.parse(json.stdout) as ApiAnswer<'health'>
  t.is(json.exit, health.state === 'fail' ? 1 : 0)
  t.deepEqual(health.parts.filter(({ part, state }) => part !== 'event loop' && state === 'fail'), [])
})

test.serial('gateway: ping measures round trips to the broker, and through a channel that lets them', async t => {
  const { callboard, connect } = await withConnect(t)
  const [plain] = (await callboard.json('gateway', 'ping', '--count', '3', '--interval', '1ms', ...PATIENCE)) as [Record<string, unknown>]
  t.like(plain, { sent: 3, answered: 3 })
  const client = await connect()
  const seen: string[] = []
  await client.subscribe('command.>', { onMessage: ({ subject }) => void seen.push(subject) }).ready
  const through = await callboard.run('gateway', 'ping', '--channel', 'command', '--count', '2', '--interval', '1ms', ...PATIENCE)
  t.is(through.exit, 0)
  t.regex(through.stdout, /^channel command: pubsub, 1 subscription, /)
  t.regex(through.stdout, /^2 of 2 round trips to channel command: least .* ms/m)
  t.true(seen.length >= 3 && seen.every(subject => subject.startsWith('command._ping.')), seen.join())
  const refused = await callboard.run('gateway', 'ping', '--channel', 'events', '--count', '1', ...PATIENCE)
  t.is(refused.exit, 0)
  t.regex(refused.stderr, /you may not publish to events/)
  const unknown = await callboard.run('gateway', 'ping', '--channel', 'evnts')
  t.is(unknown.exit, 1)
  t.regex(unknown.stderr, /no channel "evnts".*\nhint: did you mean "events"\?/)
})

test.serial('gateway: connections in a table, one of them, and by channel', async t => {
  const { callboard, connect } = await withConnect(t)
  const client = await connect({ clientId: 'sensor-7' })
  await client.subscribe('status.cpu').ready
  t.regex((await callboard.run('gateway', 'connections')).stdout, /^conn-\d+ +sensor-7 .* unix, native /m)
  const { stdout } = await callboard.run('gateway', 'connections', '--id', 'sensor-7')
  t.regex(stdout, /^channels +status$/m)
  t.regex(stdout, /^flow +disconnect above 16 MiB$/m)
  t.regex((await callboard.run('gateway', 'connections', '--by-channel')).stdout, /^status +1 +0 +sensor-7$/m)
  const [byChannel] = (await callboard.json('gateway', 'connections', '--by-channel')) as [{ channels: { name: string; connections: { client: string }[] }[] }]
  t.deepEqual(byChannel.channels.find(({ name }) => name === 'status')!.connections.map(each => each.client), ['sensor-7'])
  t.is((await callboard.run('gateway', 'connections', '--id', 'nobody')).exit, 1)
})

test.serial('gateway: a few connections are shown, with --all every one', async t => {
  const { callboard, connect } = await withConnect(t)
  await Promise.all(Array.from({ length: 42 }, (_, n) => connect({ clientId: `many-${n}` })))
  const few = await callboard.run('gateway', 'connections')
  t.is(few.stdout.trim().split('\n').length, 41)
  t.regex(few.stderr, /^3 connections more; --all shows them/)
  const all = await callboard.run('gateway', 'connections', '--all')
  t.is(all.stdout.match(/ many-\d+ /g)!.length, 42)
})

test.serial('gateway: stats over a period, with totals, rates and a curve', async t => {
  const { callboard } = await startBroker(t)
  await callboard.run('ipc', 'publish', '--channel', 'command', '--message', 'x', '--count', '25')
  const { stdout } = await callboard.run('gateway', 'stats', '--period', '1h', '--metrics', 'messages')
  t.regex(stdout, /^the last .*, since the broker started; a sample every 1 s\n\nMETRIC +TOTAL +RATE +OVER TIME\n/)
  t.regex(stdout, /^messages_accepted_total +25 +[\d.]+\/s +[▁-█]{40}$/m)
  const [answer] = (await callboard.json('gateway', 'stats', '--period', '5m', '--metrics', 'messages,connections')) as [HistoryAnswer]
  t.deepEqual(answer.series.map(({ name }) => name).toSorted(), ['connections', 'messages_accepted_total', 'messages_duplicate_total', 'messages_rejected_total'])
  const unknown = await callboard.run('gateway', 'stats', '--metrics', 'mesages')
  t.is(unknown.exit, 1)
  t.regex(unknown.stderr, /no metric "mesages".*\nhint: there are .*messages/)
})

test.serial('gateway: latency by any percentiles', async t => {
  const { callboard } = await startBroker(t)
  const { stdout } = await callboard.run('gateway', 'latency', '--percentiles', '50,95,99.9')
  t.regex(stdout, /^WHAT +COUNT +P50 +P95 +P99\.9 +MAX\ndelivery +\d+ /)
  await callboard.run('gateway', 'ping', '--channel', 'command', '--count', '3', '--interval', '1ms', ...PATIENCE)
  t.regex((await callboard.run('gateway', 'latency', '--by-channel')).stdout, /^ {2}command +4 +[\d.]+ ms /m)
  const [answer] = (await callboard.json('gateway', 'latency', '--percentiles', '1,100')) as [ApiAnswer<'latency'>]
  const at = answer.delivery.at!
  t.deepEqual(at.map(({ percentile }) => percentile), [1, 100])
  t.true(at[0]!.ms <= at[1]!.ms && at[1]!.ms === answer.delivery.max)
})

test.serial('trace: the way of a message by each of its ids, with every receiver and the answers', async t => {
  const { callboard, connect } = await withConnect(t)
  const [responder, asker] = [await connect({ clientId: 'responder' }), await connect({ clientId: 'asker' })]
  await responder.subscribe('command', { onMessage: message => message.respond('done') }).ready
  await asker.request('command', 'go', { mid: 'msg-123' })
  const [listed] = (await callboard.json('trace', '--channel', 'command')) as [Trace]
  const request = listed.entries.find(({ kind }) => kind === 'request')!
  const { broker, incarnation } = asker.welcome
  for (const id of ['msg-123', `${request.origin}.${request.id}`, `${broker}.${incarnation}.${request.origin}.${request.id}`]) {
    const [{ entries }] = (await callboard.json('gateway', 'trace', '--message-id', id)) as [Trace]
    t.deepEqual(entries.map(({ kind }) => kind), ['request', 'response'], id)
    t.like(entries[0], { sender: 'asker', fate: 'written', deliveries: [{ client: 'responder', fate: 'written' }] })
    t.like(entries[1], { sender: 'responder', deliveries: [{ client: 'asker', fate: 'written' }] })
    const { authorised, routed, written } = entries[0]!.steps
    t.true(authorised <= routed && routed <= written!)
  }
  const { stdout } = await callboard.run('trace', '--message-id', 'msg-123')
  t.regex(stdout, /^request \d+\.\d+ "msg-123" on command, [^]*^ {2}RECEIVER[^]*^ {2}responder +conn-\d+ [^]*^ {2}answer, .* after the request$/m)
})

test.serial('trace: what the command line sends can have an id to be found by', async t => {
  const { callboard } = await startBroker(t)
  t.is((await callboard.run('ipc', 'send', '--message', 'x', '--id', 'from-send')).exit, 0)
  t.is((await callboard.run('ipc', 'publish', '--channel', 'command', '--message', 'x', '--id', 'from-publish')).exit, 0)
  for (const id of ['from-send', 'from-publish']) {
    const [{ entries }] = (await callboard.json('trace', '--message-id', id)) as [Trace]
    t.like(entries, { length: 1, 0: { mid: id, subject: 'command', fate: 'dropped(no-interest)' } })
  }
})

test.serial('trace: a message that is not known is told from one of another broker or start', async t => {
  const { callboard, connect } = await withConnect(t)
  const { broker, incarnation } = (await connect()).welcome
  const fails: [id: string, message: RegExp][] = [
    ['msg-9', /^error: no message msg-9 was accepted since the broker started\nhint: the recorder/],
    ['0123456789ab.1.2.3', /is of broker 0123456789ab, this one is /],
    [`${broker}.${incarnation + 1}.2.3`, new RegExp(`is of incarnation ${incarnation + 1}, the broker is in incarnation ${incarnation}`)],
  ]
  for (const [id, message] of fails) {
    const run = await callboard.run('trace', '--message-id', id)
    t.is(run.exit, 1)
    t.regex(run.stderr, message)
  }
})

test.serial('trace: what was lost or refused alone, and what was slow', async t => {
  const { callboard, connect } = await withConnect(t)
  const client = await connect({ clientId: 'pub' })
  await client.subscribe('command').ready
  await client.publish('command', 1, { receipt: true })
  await client.publish('gateway', 1, { receipt: true })
  await t.throwsAsync(client.publish('events', 1, { receipt: true }))
  const [lost] = (await callboard.json('trace', '--dropped')) as [Trace]
  t.deepEqual(lost.entries.map(({ fate }) => fate), ['dropped(no-interest)', 'rejected(channel.direction)'])
  t.deepEqual(((await callboard.json('trace', '--slow', '30s')) as [Trace])[0].entries, [])
  const [slow] = (await callboard.json('trace', '--slow', '0.001ms')) as [Trace]
  t.deepEqual(slow.entries.map(({ subject }) => subject), ['command'])
})

test.serial('trace: --follow shows what comes, until Ctrl-C', async t => {
  const { callboard, connect } = await withConnect(t)
  const client = await connect({ clientId: 'pub' })
  const follow = callboard.follow('trace', '--channel', 'command', '--follow', '--json')
  const shown = follow.next()
  // It looks twice a second: what came before the first look is shown as the latest.
  await client.publish('command', 1, { receipt: true })
  t.like(JSON.parse(await shown) as TraceEntry, { subject: 'command', sender: 'pub' })
  await client.publish('command.more', 2, { receipt: true })
  t.like(JSON.parse(await follow.next()) as TraceEntry, { subject: 'command.more' })
  t.deepEqual(await follow.end('SIGINT'), [0, null])
})

test.serial('logs: what was lost is found there, with how much and why', async t => {
  const broker = await startBrokerProcess(t)
  const slow = await broker.native({ client: 'slow' })
  await slow.subscribe(1, 'command')
  slow.socket.pause()
  const client = await broker.connect()
  for (let n = 0; n < 8; n++) await client.publish('command', new Uint8Array(1_000_000), { receipt: true })
  slow.socket.destroy()
  const grep = () => broker.callboard.run('logs', '--grep', 'message.*lost\\|dropped')
  // Written a moment after it happened.
  let lines = ''
  while (lines === '') lines = (await grep()).stdout
  t.regex(lines, /messages dropped {2}connection=conn-\d+ {2}client=slow {2}reason=(?:actor-gone|link-down) {2}count=\d {2}total=\d\n$/)
})

test.serial('gateway: every command goes by WebSocket too', async t => {
  const broker = await startBroker(t)
  const run = (...words: string[]) => runCallboard(t, words, { home: broker.home })
  const connections = await run('gateway', '--url', broker.gateway, 'connections')
  t.is(connections.exit, 0, connections.stderr)
  t.regex(connections.stdout, /^conn-\d+ +cli-\d+ .* websocket, native /m)
  for (const words of [['gateway', 'health'], ['gateway', 'ping', '-n', '1', ...PATIENCE], ['gateway', 'stats'], ['gateway', 'latency'], ['gateway', 'status'], ['gateway', 'status', '--verbose'], ['gateway', 'trace'], ['trace'], ['top', '--once', '--interval', '10ms']]) {
    const { exit, stdout, stderr } = await run(...words, '--url', broker.gateway)
    // That of health says what it prints.
    t.is(exit, stdout.startsWith('fail: ') ? 1 : 0, `${words.join(' ')}: ${stdout}${stderr}`)
  }
})

test.serial('gateway: an address that is none is refused', async t => {
  const { exit, stderr } = await runCallboard(t, ['gateway', 'ping', '--url', 'http://localhost'], { home: temporaryDirectory(t) })
  t.is(exit, 2)
  t.regex(stderr, /must be the address of a gateway, such as ws:/)
})

async function withConnect(t: Parameters<typeof startBroker>[0]) {
  const broker = await startBroker(t)
  return { callboard: broker.callboard, connect: (options: Parameters<typeof broker.connect>[0] = {}) => broker.connect(options) }
}
