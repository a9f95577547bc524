// `callboard nats-server` in the place of nats-server: what launchers, operators and clients see of it.

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { connectNats, subscribeNats, takeNats } from '../support/nats-client.ts'
import { NatsCommand } from '../support/nats-command.ts'
import { runCallboard, type Run } from '../support/run-callboard.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const ANY_PORT = 'host: 127.0.0.1\nport: -1\n'

const run = (t: Teardown, ...words: string[]): Promise<Run> => runCallboard(t, ['nats-server', ...words], { home: '' })

/** Pids of those that have a home of one run under that directory. */
function homesIn(directory: string): string[] {
  return readdirSync(directory).filter(name => name.startsWith('callboard-nats-')).flatMap(name => readdirSync(join(directory, name)))
}

test.serial('nats-server: without users everybody is let in, whatever he presents', async t => {
  const server = NatsCommand.start(t, ANY_PORT)
  const url = await server.url()
  const [one, two] = [await connectNats(t, url), await connectNats(t, url, { user: 'a', pass: 'b' })]
  t.falsy(one.info!.auth_required)
  const subscription = await subscribeNats(two, 'events.>')
  one.publish('events.a', 'hello')
  t.is((await takeNats(subscription, 1))[0]!.string(), 'hello')
})

test.serial('nats-server: the ports file has the addresses by pid, the log what launchers wait for, SIGTERM ends with 1', async t => {
  const server = NatsCommand.start(t, `${ANY_PORT}http: 127.0.0.1:-1\nwebsocket { host: 127.0.0.1, port: -1, no_tls: true }\npid_file: "$PIDS"\n`.replace('"$PIDS"', '$PIDS'), [], { PIDS: join(temporaryDirectory(t), 'server.pid') })
  const ports = await server.ports()
  t.regex(ports.nats[0]!, /^nats:\/\/127\.0\.0\.1:\d+$/)
  t.regex(ports.monitoring![0]!, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.regex(ports.websocket![0]!, /^ws:\/\/127\.0\.0\.1:\d+$/)
  t.is(((await (await fetch(`${ports.monitoring![0]}/varz`)).json()) as { port: number }).port, Number(new URL(ports.nats[0]!).port))
  await until(() => server.stderr.includes('Server is ready'))
  const { port } = new URL(ports.nats[0]!)
  for (const line of ['Starting nats-server', `Using configuration file: ${server.file}`, 'Starting http monitor on 127.0.0.1:', 'Listening for websocket clients on ws://127.0.0.1:', `Listening for client connections on 127.0.0.1:${port}`]) t.true(server.stderr.includes(`[INF] ${line}`), line)
  t.regex(server.stderr, new RegExp(`^\\[${server.pid}\\] \\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{6} \\[INF\\] Starting nats-server$`, 'm'))
  server.signal('SIGTERM')
  t.is(await server.exit(), 1)
  t.regex(server.stderr, /Initiating Shutdown[^]*Server Exiting/)
  t.false(existsSync(server.portsFile))
})

test.serial('nats-server: SIGINT ends with 0, and the home of the run is gone', async t => {
  const server = NatsCommand.start(t, ANY_PORT)
  await server.url()
  t.deepEqual(homesIn(server.directory), [String(server.pid)])
  server.signal('SIGINT')
  t.is(await server.exit(), 0)
  t.deepEqual(homesIn(server.directory), [])
})

test.serial('nats-server: what a killed run left behind is cleared away by the next', async t => {
  const directory = temporaryDirectory(t)
  const killed = NatsCommand.start(t, ANY_PORT, [], { TMPDIR: directory })
  await killed.url()
  killed.signal('SIGKILL')
  t.is(await killed.exit(), 'SIGKILL')
  const next = NatsCommand.start(t, ANY_PORT, [], { TMPDIR: directory })
  await next.url()
  await until(() => homesIn(directory).join() === String(next.pid))
  t.pass()
})

test.serial('nats-server: users, their passwords and permissions hold, and change by SIGHUP', async t => {
  const users = (...list: string[]): string => `${ANY_PORT}authorization { users: [${list.join(', ')}] }\n`
  const anne = '{ user: anne, password: a, permissions: { publish: "jobs.>", subscribe: { allow: ["jobs.>", "_INBOX.>"], deny: "jobs.secret" } } }'
  const server = NatsCommand.start(t, users(anne, '{ user: bob, password: b }', '{ user: carl, password: c }'))
  const url = await server.url()
  await t.throwsAsync(connectNats(t, url), { message: /authorization/i })
  await t.throwsAsync(connectNats(t, url, { user: 'anne', pass: 'b' }), { message: /authorization/i })
  const [first, bob, carl] = [await connectNats(t, url, { user: 'anne', pass: 'a' }), await connectNats(t, url, { user: 'bob', pass: 'b' }), await connectNats(t, url, { user: 'carl', pass: 'c' })]
  const errors: string[] = []
  void (async () => {
    for await (const status of first.status()) if (status.type === 'error') errors.push(status.error.message)
  })()
  first.publish('news', 'x')
  await until(() => errors.some(text => text.includes('Permissions Violation for Publish to "news"')))
  const jobs = await subscribeNats(first, 'jobs.*')
  bob.publish('jobs.secret', 'x')
  bob.publish('jobs.open', 'y')
  t.is((await takeNats(jobs, 1))[0]!.subject, 'jobs.open')

  await server.reload(users('{ user: anne, password: a, permissions: { subscribe: "other" } }', '{ user: bob, password: new }'))
  // Anne loses the subscription, Bob has another password, Carl has left.
  await until(() => errors.some(text => text.includes('Permissions Violation for Subscription to "jobs.*"')))
  await Promise.all([bob.closed(), carl.closed()])
  await t.throwsAsync(connectNats(t, url, { user: 'bob', pass: 'b' }), { message: /authorization/i })
  await connectNats(t, url, { user: 'bob', pass: 'new' })
  first.publish('news', 'z')
  await first.flush()
  t.is(errors.filter(text => text.includes('Publish')).length, 1)
})

test.serial('nats-server: who has leave to answer answers what he was asked, as often as he may, and nothing else', async t => {
  const server = NatsCommand.start(t, `${ANY_PORT}authorization { users: [{ user: asker, password: a }, { user: worker, password: w, permissions: { subscribe: "jobs.>", allow_responses: { max: 2, expires: "1m" } } }] }\n`)
  const url = await server.url()
  const [asker, worker] = [await connectNats(t, url, { user: 'asker', pass: 'a' }), await connectNats(t, url, { user: 'worker', pass: 'w' })]
  const denied: string[] = []
  void (async () => {
    for await (const status of worker.status()) if (status.type === 'error') denied.push(status.error.message)
  })()
  await subscribeNats(worker, 'jobs.>', { callback: (_, message) => [1, 2, 3].forEach(n => message.respond(String(n))) })
  const answers = await subscribeNats(asker, 'answers.one')
  asker.publish('jobs.a', '', { reply: 'answers.one' })
  t.deepEqual((await takeNats(answers, 2)).map(message => message.string()), ['1', '2'])
  worker.publish('answers.other', 'x')
  await until(() => denied.length >= 2)
  t.deepEqual(denied.map(text => /"(.+?)"/.exec(text)![1]!).toSorted(), ['answers.one', 'answers.other'])
  t.is((await asker.request('jobs.b', '', { timeout: 20_000 })).string(), '1')
})

test.serial('nats-server: a rule for a queue group is for that group alone', async t => {
  const server = NatsCommand.start(t, `${ANY_PORT}authorization { users: [{ user: a, password: a, permissions: { subscribe: ["jobs workers"] } }] }\n`)
  const client = await connectNats(t, await server.url(), { user: 'a', pass: 'a' })
  const jobs = await subscribeNats(client, 'jobs', { queue: 'workers' })
  client.publish('jobs', 'one')
  t.is((await takeNats(jobs, 1))[0]!.string(), 'one')
  const refused = (subscription: { closed: Promise<void | Error> }): Promise<void | Error> => subscription.closed
  const [other, none] = [client.subscribe('jobs', { queue: 'others', callback() {} }), client.subscribe('jobs', { callback() {} })]
  t.regex(String(await refused(other)), /Permissions Violation for Subscription to "jobs" using queue "others"/)
  t.regex(String(await refused(none)), /Permissions Violation for Subscription to "jobs"/)
})

test.serial('nats-server: a token lets in, and nothing else', async t => {
  const server = NatsCommand.start(t, ANY_PORT, ['--auth', 's3cret'])
  const url = await server.url()
  await connectNats(t, url, { token: 's3cret' })
  for (const wrong of [{}, { token: 'x' }, { user: 'a', pass: 's3cret' }]) await t.throwsAsync(connectNats(t, url, wrong), { message: /authorization/i })
})

test.serial('nats-server: a configuration with a mistake, or with another port, is told and changes nothing', async t => {
  const server = NatsCommand.start(t, `${ANY_PORT}authorization { token: a }\n`)
  const url = await server.url()
  await server.reload(`${ANY_PORT}authorization { token: b }\nmax_payload: many\n`)
  t.regex(server.stderr, /Failed to reload server configuration: .*nats\.conf:4:1: max_payload is a string/)
  await server.reload('host: 127.0.0.1\nport: 4999\nauthorization { token: b }\n')
  t.regex(server.stderr, /Failed to reload server configuration: config reload not supported for port/)
  await connectNats(t, url, { token: 'a' })
})

test.serial('nats-server: SIGUSR2 tells clients to go elsewhere, closes the port, and ends with 0 when they are gone', async t => {
  // The shortest that there is; nobody is ended in its first tenth.
  const server = NatsCommand.start(t, `${ANY_PORT}\nlame_duck_duration: 30s\n`)
  const url = await server.url()
  const client = await connectNats(t, url)
  const told = (async () => {
    for await (const status of client.status()) if (status.type === 'ldm') return true
    return false
  })()
  server.signal('SIGUSR2')
  t.true(await told)
  await t.throwsAsync(connectNats(t, url))
  // It goes by itself, and nobody is left to wait for.
  await client.close()
  t.is(await server.exit(), 0)
  t.regex(server.stderr, /Entering lame duck mode/)
})

test.serial('nats-server: SIGUSR1 writes the log into a new file where the old one was moved away', async t => {
  const log = join(temporaryDirectory(t), 'server.log')
  const server = NatsCommand.start(t, ANY_PORT, ['-l', log])
  await server.url()
  await until(() => readFileSync(log, 'utf8').includes('Server is ready'))
  renameSync(log, `${log}.1`)
  server.signal('SIGUSR1')
  await until(() => existsSync(log))
  server.signal('SIGTERM')
  await server.exit()
  t.regex(readFileSync(log, 'utf8'), /Server Exiting/)
  t.is(server.stderr, '')
})

test.serial('nats-server: trace tells what clients send, without payloads and secrets', async t => {
  const server = NatsCommand.start(t, `${ANY_PORT}authorization { token: s3cret }\n`, ['-V'])
  const client = await connectNats(t, await server.url(), { token: 's3cret', name: 'teller' })
  await subscribeNats(client, 'jobs.>')
  client.publish('jobs.one', 'payload')
  await until(() => server.stderr.includes('<<- [PUB jobs.one]'))
  t.regex(server.stderr, /\[TRC\] 127\.0\.0\.1:\d+ - cid:\d+ - <<- \[SUB jobs\.> 1\]/)
  t.regex(server.stderr, /<<- \[CONNECT \{.*"auth_token":"\[REDACTED\]".*"name":"teller"|<<- \[CONNECT \{.*"name":"teller".*"auth_token":"\[REDACTED\]"/)
  t.false(/s3cret|payload|\[DBG\]/.test(server.stderr))
})

test.serial('nats-server: --signal does to a server what the signal does', async t => {
  const server = NatsCommand.start(t, ANY_PORT)
  await server.url()
  t.deepEqual(await run(t, '--signal', `quit=${server.pid}`), { exit: 0, stdout: '', stderr: '' })
  t.is(await server.exit(), 0)
  t.is((await run(t, '--signal', `quit=${server.pid}`)).exit, 1)
  t.regex((await run(t, '-sl', 'dance=1')).stderr, /unknown signal "dance"/)
  t.regex((await run(t, '-sl', 'quit=-1')).stderr, /invalid pid: -1/)
})

test.serial('nats-server: -t checks a configuration, -v and -h say what they are asked, wrong flags end with 1', async t => {
  const file = join(temporaryDirectory(t), 'a.conf')
  writeFileSync(file, 'port: 4222')
  t.deepEqual(await run(t, '-c', file, '-t'), { exit: 0, stdout: '', stderr: `nats-server: configuration file ${file} is valid\n` })
  writeFileSync(file, 'prot: 4222\nmax_payload: x')
  t.deepEqual(await run(t, '-c', file, '-t'), { exit: 1, stdout: '', stderr: `nats-server: ${file}:1:1: unknown field "prot"; did you mean port?\nnats-server: ${file}:2:1: max_payload is a string; expected an integer, such as 1000, 64k or 1MB\n` })
  t.regex((await run(t, '-v')).stdout, /^nats-server: v2\.\d+\.\d+\n/)
  t.regex((await run(t, '--help')).stdout, /^Usage: callboard nats-server/)
  t.like(await run(t, '--nope'), { exit: 1, stderr: 'nats-server: flag provided but not defined: -nope\n' })
  t.like(await run(t, '-t'), { exit: 1 })
  t.like(await run(t, 'dance'), { exit: 1, stderr: 'nats-server: unrecognized command: "dance"\n' })
})

test.serial('nats-server: a port that is taken ends the start with 1', async t => {
  const first = NatsCommand.start(t, ANY_PORT)
  const { port } = new URL(await first.url())
  const second = NatsCommand.start(t, `host: 127.0.0.1\nport: ${port}\n`)
  t.is(await second.exit(), 1)
  t.regex(second.stderr, /\[FTL\] .*cannot listen/)
})
