// Each story has a broker in this process and some command lines, one after the other: all at once leave none of them its time.

import test from 'ava'
import type { QueuedMessage } from '../../../client/index.ts'
import { startBroker, type LocalBroker } from '../../support/broker.ts'
import { pythonTest } from '../../support/python.ts'
import { Terminal } from '../../support/terminal.ts'
import type { Teardown } from '../../support/temporary-directory.ts'

// In memory: what the command line shows is the same, and no disk is waited for.
const config = { queue: { backend: 'memory', config: { retryPolicy: { maxAttempts: 1 } } }, channels: [{ name: 'jobs', mode: 'queue' }, { name: 'mail', mode: 'queue' }] }

async function withMessages(t: Teardown, ...values: unknown[]): Promise<LocalBroker> {
  const broker = await startBroker(t, { config })
  const client = await broker.connect({ clientId: 'shop' })
  for (const value of values) await client.publish('jobs', value, { receipt: true })
  return broker
}

/** Dead letters of `jobs`, with that as the last error. */
async function killAll(broker: LocalBroker, count: number, reason: string): Promise<void> {
  const client = await broker.connect()
  const messages: QueuedMessage[] = await client.fetch('jobs', { limit: count })
  await Promise.all(messages.map(message => message.nak({ reason })))
}

const columnsOf = (text: string): string[][] => text.trimEnd().split('\n').map(line => line.split(/ {2,}/))

test.serial('queue: a queue is made, filled and looked at, as typed', async t => {
  const { callboard } = await startBroker(t)
  t.is((await callboard.run('queue', 'ls')).stderr, 'there is no queue; make one with: callboard ipc channel create --name NAME --mode queue\n')
  t.is((await callboard.run('ipc', 'channel', 'create', '--name', 'jobs', '--mode', 'queue', '--max-attempts', '5', '--ack-wait', '1m')).stdout, 'created channel jobs (queue)\n')
  t.is((await callboard.run('ipc', 'publish', '--channel', 'jobs', '--message', '{"order":7}', '--id', 'order-7')).stdout, 'published 1 message to jobs: stored in queue jobs at position 1\n')
  const [sent] = await callboard.json('ipc', 'send', '--channel', 'jobs', '--message', 'later', '--delay', '10m', '--session', 's')
  t.deepEqual(sent, { subject: 'jobs', receivers: 1, stored: { queue: 'jobs', position: 2, isDuplicate: false } })
  t.regex((await callboard.run('queue', 'status')).stdout, /^store +embedded, up to fsync\n[^]*\njobs +ok +1 +1 +0 +0 /)
  t.regex((await callboard.run('queue', 'status', 'jobs')).stdout, /waiting +2 \(1 ready, 1 delayed, [^]*ack wait +1 m, [^]*retries +5 attempts/)
  t.regex((await callboard.run('queue', 'stats', '--detailed')).stdout, /^QUEUE +STORED [^]*\njobs +2 [^]*\nqueue +jobs\n/)
  t.regex((await callboard.run('status')).stdout, /^queues +1 \(embedded\), /m)
  const shown = await callboard.run('queue', 'inspect', '--limit', '10')
  t.deepEqual(columnsOf(shown.stdout).map(row => [row[0], row[1], row[2], row.at(-1)]), [['QUEUE', 'POSITION', 'STATE', 'PAYLOAD'], ['jobs', '1', 'ready', '{"order":7}'], ['jobs', '2', 'delayed', 'later']])
  t.is(shown.stderr, '2 messages\n')
  const full = await callboard.run('ipc', 'channel', 'delete', '--name', 'jobs')
  t.deepEqual([full.exit, full.stderr.includes('with --force')], [1, true])
  t.is((await callboard.run('ipc', 'channel', 'delete', '--name', 'jobs', '--force')).stdout, 'deleted channel jobs\n')
})

test.serial('queue: of several messages that do not all fit it says how many were stored, and up to where', async t => {
  const { callboard } = await startBroker(t, { config })
  t.is((await callboard.run('ipc', 'channel', 'create', '--name', 'few', '--mode', 'queue', '--max-size', '3')).exit, 0)
  const full = await callboard.run('ipc', 'publish', '--channel', 'few', '--message', 'x', '-n', '10')
  t.is(full.exit, 1)
  t.regex(full.stderr, /^error: queue "few" is full: [^\n]*\(queue\.full\); 3 of 10 messages published, the last one stored in queue few at position 3\nhint: callboard queue status/)
  const none = JSON.parse((await callboard.run('ipc', 'publish', '--channel', 'few', '--message', 'x', '-n', '2', '--json')).stderr) as { error: object }
  t.like(none.error, { code: 'queue.full', details: { published: 0, messages: 2 } })
})

test.serial('queue: inspect goes on where it ended, and passes a filter', async t => {
  const { callboard } = await withMessages(t, { n: 1 }, { n: 2 }, { n: 3 })
  const first = await callboard.run('queue', 'inspect', 'jobs', '--limit', '2')
  t.is(first.stderr, '2 messages; there are more: callboard queue inspect jobs --after 2\n')
  const [rest] = (await callboard.json('queue', 'inspect', 'jobs', '--after', '2', '--payload')) as [{ messages: object[]; next: object }]
  t.is(rest.messages.length, 1)
  t.like(rest.messages[0], { queue: 'jobs', position: 3, sender: 'shop', payload: { n: 3 } })
  t.deepEqual(rest.next, {})
  t.regex((await callboard.run('queue', 'inspect', '--filter', 'n=2', '--payload')).stdout, /^message +jobs 2, ready\n[^]*\{\n {2}"n": 2\n\}\n$/)
  const misspelt = await callboard.run('queue', 'inspect', 'jbos')
  t.deepEqual([misspelt.exit, misspelt.stderr], [1, 'error: no queue "jbos" (channel.not_found)\nhint: did you mean "jobs"?\n'])
})

test.serial('queue: dead letters are shown with their reason, replayed and purged', async t => {
  const broker = await withMessages(t, { n: 1 }, { n: 2 }, { n: 3 })
  const { callboard } = broker
  await killAll(broker, 3, 'no such table')
  const status = await callboard.run('queue', 'status', '--dead-letter')
  t.regex(status.stdout, /^jobs +3 +\d+ B +3 +0 +7 d$/m)
  t.is(status.stdout.match(/max-attempts +1 +.* ago +no such table/g)?.length, 3)
  const dead = await callboard.run('queue', 'inspect', 'jobs', '--dead-letter', '--limit', '1', '--payload')
  t.regex(dead.stdout, /dead +max-attempts, [^]*attempt 1 .* no such table/)
  t.is(dead.stderr, '1 dead letter; there are more: callboard queue inspect jobs --dead-letter --after 1\n')
  t.regex((await callboard.run('queue', 'replay', 'jobs')).stderr, /^error: which dead letters\?\nhint: name them with --all/)
  t.is((await callboard.run('queue', 'replay', 'jobs', '--filter', 'n=2')).stdout, 'replayed 1 dead letter of jobs\n')
  t.deepEqual(await callboard.json('queue', 'purge', 'jobs', '--dead-letter', '--position', '1', '--yes'), [{ queue: 'jobs', purged: 1 }])
  t.deepEqual(await callboard.json('queue', 'replay', 'jobs', '--all'), [{ queue: 'jobs', replayed: 1 }])
  t.is((await callboard.run('queue', 'status', 'mail', '--dead-letter')).stderr, 'no dead letters\n')
  const nobody = await callboard.run('queue', 'purge', 'jobs')
  t.deepEqual([nobody.exit, nobody.stderr.split('\n')[0]], [2, 'error: nobody can be asked here'])
  t.is((await callboard.run('queue', 'purge', 'jobs', '--yes')).stdout, 'purged 2 messages of jobs\n')
})

test.serial('queue: consume prints each message and is done with it; paused, nothing comes', async t => {
  const { callboard } = await withMessages(t, { n: 1 }, { n: 2 }, { n: 3 })
  t.is((await callboard.run('queue', 'pause', 'jobs')).stdout, 'paused jobs: it takes messages in, and hands none out\n')
  t.is((await callboard.run('queue', 'consume', 'jobs', '--ack', '--timeout', '50ms')).stderr, 'nothing came in 50 ms; with --follow it waits until Ctrl-C\n')
  t.regex((await callboard.run('queue', 'ls')).stdout, /^jobs +paused +3 /m)
  t.is((await callboard.run('queue', 'resume', 'jobs')).stdout, 'resumed jobs\n')
  const first = await callboard.run('queue', 'consume', 'jobs', '--ack', '--limit', '1', '--timeout', '30s')
  t.regex(first.stdout, /^1 {2}\S+ {2}jobs {2}\S+ {2}\{"n":1\}\n$/)
  const rest = (await callboard.json('queue', 'consume', 'jobs', '--ack', '--limit', '2', '--timeout', '30s')) as { position: number }[]
  t.deepEqual(rest.map(({ position }) => position), [2, 3])
  t.like(rest[0], { queue: 'jobs', attempt: 1, payload: { n: 2 }, type: 'event' })
  const unasked = await callboard.run('queue', 'consume', 'jobs')
  t.deepEqual([unasked.exit, unasked.stdout], [2, ''])
  const follow = callboard.follow('queue', 'consume', 'mail', '--ack', '--follow', '--json')
  await callboard.run('ipc', 'publish', '--channel', 'mail', '--message', 'hello')
  t.like(JSON.parse(await follow.next()), { queue: 'mail', payload: 'hello' })
  t.deepEqual(await follow.end('SIGINT'), [0, null])
})

test.serial('queue: options of queues are for queues', async t => {
  const { callboard } = await startBroker(t, { config: { queue: { enabled: false } } })
  const plain = await callboard.run('ipc', 'channel', 'create', '--name', 'x', '--max-size', '5')
  t.deepEqual([plain.exit, plain.stderr], [2, 'error: a channel of mode pubsub is no queue\nhint: say --mode queue, or leave the options of queues out\n'])
  const off = await callboard.run('ipc', 'channel', 'create', '--name', 'x', '--mode', 'queue')
  t.deepEqual([off.exit, off.stderr.includes('queue.enabled is false (queue.disabled)')], [1, true])
  const late = await callboard.run('ipc', 'publish', '--channel', 'command', '--message', 'x', '--delay', '1m')
  t.deepEqual([late.exit, late.stderr.includes('(queue.bad_option)')], [1, true])
})

pythonTest('queue: on a terminal purge asks first, and consume for each message', async t => {
  const broker = await withMessages(t, { n: 1 }, { n: 2 }, { n: 3 })
  const consume = new Terminal(t, broker.home, 'queue', 'consume', 'jobs', '--timeout', '30s')
  await consume.drawn('"n":1')
  await consume.drawn('[q]uit')
  consume.type('x\n')
  await consume.drawn('[q]uit')
  consume.type('a\n')
  await consume.drawn('"n":2')
  consume.type('t\n')
  await consume.drawn('"n":3')
  consume.type('q\n')
  t.is(await consume.exit(), 0)
  const client = await broker.connect()
  const counts = async (): Promise<object> => (await client.call('queue.show', { name: 'jobs' })).counts!
  t.like(await counts(), { acked: 1, deadLetters: 1, ready: 1 })

  const no = new Terminal(t, broker.home, 'queue', 'purge', 'jobs', '--dead-letter')
  t.true((await no.drawn('[y/N]')).includes('delete 1 dead letter of jobs for good?'))
  no.type('\n')
  await no.drawn('nothing was purged')
  t.is(await no.exit(), 1)
  t.like(await counts(), { deadLetters: 1 })
  const yes = new Terminal(t, broker.home, 'queue', 'purge', 'jobs', '--dead-letter')
  await yes.drawn('[y/N]')
  yes.type('y\n')
  await yes.drawn('purged 1 dead letter of jobs')
  t.is(await yes.exit(), 0)
})
