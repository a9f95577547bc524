import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { appendFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ExecutionContext } from 'ava'
import { JsonLinesServer, type Envelope } from '../support/json-lines-server.ts'
import { pythonTest } from '../support/python.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const SCRIPT = join(import.meta.dirname, '../../examples/tail.py')

interface Tail {
  readonly server: JsonLinesServer
  readonly child: ChildProcess
  readonly file: string
  /** The payloads that it published, when there are `count` of them. */
  readonly events: (count: number) => Promise<unknown[]>
  /** What it logged, in order; the message of each. */
  readonly logged: string[]
  /** Resolves when a message was logged that often. */
  readonly log: (message: string, times?: number) => Promise<void>
}

/** The tail agent as a broker starts it, following a new file that has the line `old`. */
async function startTail(t: ExecutionContext, options: { content?: string | undefined; env?: NodeJS.ProcessEnv } = { content: 'old\n' }): Promise<Tail> {
  const home = temporaryDirectory(t)
  const file = join(home, 'followed.log')
  if (options.content !== undefined) writeFileSync(file, options.content)
  const server = new JsonLinesServer(join(home, 's'))
  await server.open()
  const env = { PATH: process.env['PATH'], CALLBOARD_HOME: home, CALLBOARD_SOCKET: join(home, 's'), CALLBOARD_AGENT: 'tail', CALLBOARD_TOKEN: 'secret', ...options.env }
  const child = spawn('python3', [SCRIPT, file], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await server.close()
  })
  const logged: string[] = []
  const news = new EventEmitter()
  createInterface(child.stdout).on('line', line => {
    logged.push((JSON.parse(line) as { msg: string }).msg)
    news.emit('logged')
  })
  const log = async (message: string, times = 1): Promise<void> => {
    while (logged.filter(text => text === message).length < times) await once(news, 'logged')
  }
  const published = (): Envelope[] => server.received.filter(envelope => envelope.type === 'event')
  const events = async (count: number): Promise<unknown[]> => {
    await server.until(() => published().length >= count)
    return published().map(envelope => envelope['payload'])
  }
  await log('connected')
  return { server, child, file, events, logged, log }
}

const lines = (payloads: unknown[]): unknown[] => payloads.map(payload => (payload as { line: string }).line)

pythonTest('tail: introduces itself as its agent and publishes new lines alone', async t => {
  const { server, file, events } = await startTail(t)
  t.like(server.hellos[0]!['payload'], { token: 'secret', principal: 'agent:tail', agent: 'tail' })
  appendFileSync(file, 'first\nsecond\r\n\n')
  t.deepEqual(await events(3), [
    { type: 'line', file, line: 'first', n: 1 },
    { type: 'line', file, line: 'second', n: 2 },
    { type: 'line', file, line: '', n: 3 },
  ])
  t.deepEqual(server.received.map(envelope => envelope['channel']), ['events', 'events', 'events'])
})

pythonTest('tail: a line counts when it is whole, its characters too', async t => {
  const { file, events } = await startTail(t)
  const bytes = Buffer.from('Grüße 🙂\n')
  appendFileSync(file, 'begin ')
  appendFileSync(file, bytes.subarray(0, 3))
  appendFileSync(file, bytes.subarray(3))
  appendFileSync(file, Buffer.from([0x61, 0xff, 0x0a]))
  t.deepEqual(lines(await events(2)), ['begin Grüße 🙂', 'a\u{FFFD}'])
})

pythonTest('tail: a line of a megabyte is cut, the next one is whole', async t => {
  const { file, events } = await startTail(t)
  appendFileSync(file, `${'x'.repeat(1_000_000)}\nnext\n`)
  const [long, next] = lines(await events(2)) as [string, string]
  t.is(long.length, 64 * 1024)
  t.is(next, 'next')
})

pythonTest('tail: goes on with the next file after a rotation, and misses nothing', async t => {
  const { file, events } = await startTail(t)
  appendFileSync(file, 'one\n')
  await events(1)
  appendFileSync(file, 'two\nunfinished')
  renameSync(file, `${file}.1`)
  appendFileSync(`${file}.1`, ' end')
  writeFileSync(file, 'three\n')
  t.deepEqual(lines(await events(4)), ['one', 'two', 'unfinished end', 'three'])
  appendFileSync(file, 'four\n')
  t.deepEqual(lines(await events(5)).at(-1), 'four')
})

pythonTest('tail: begins anew when the file is truncated', async t => {
  const { file, events } = await startTail(t)
  appendFileSync(file, 'a long line before\n')
  await events(1)
  truncateSync(file)
  appendFileSync(file, 'after\n')
  t.deepEqual(lines(await events(2)), ['a long line before', 'after'])
})

pythonTest('tail: waits for a file that does not exist yet, and reads it from its beginning', async t => {
  const { file, events, logged } = await startTail(t, { content: undefined })
  writeFileSync(file, 'born\n')
  t.deepEqual(lines(await events(1)), ['born'])
  t.true(logged.includes('the file cannot be opened; waiting for it'))
})

pythonTest('tail: comes back when the broker does; what was written meanwhile follows', async t => {
  const { server, file, events, log, logged } = await startTail(t)
  appendFileSync(file, 'before\n')
  await events(1)
  await server.close()
  await log('not connected')
  appendFileSync(file, 'meanwhile\n')
  await server.open()
  await log('connected', 2)
  appendFileSync(file, 'after\n')
  t.deepEqual(lines(await events(3)), ['before', 'meanwhile', 'after'])
  // However often it tried.
  t.is(logged.filter(text => text === 'not connected').length, 1)
})

pythonTest('tail: a broker that stops in order is nothing to warn of, one that is gone is', async t => {
  for (const [farewell, level] of [['connection.draining', 'info'], ['connection.slow_consumer', 'warn'], [undefined, 'warn']] as const) {
    const { server, child, log } = await startTail(t)
    const levels: string[] = []
    createInterface(child.stdout!).on('line', line => {
      const { level: its, msg } = JSON.parse(line) as { level: string; msg: string }
      if (msg === 'not connected') levels.push(its)
    })
    if (farewell === undefined) await server.close()
    else server.send({ type: 'goodbye', payload: { code: farewell, message: `${farewell}: it is so` } })
    await log('not connected')
    t.deepEqual(levels, [level], farewell)
  }
})

pythonTest('tail: says each kind of refusal once, as its own log may be what it follows', async t => {
  const { server, file, events, log, logged } = await startTail(t)
  for (let n = 1; n <= 3; n++) server.send({ type: 'error', payload: { code: 'permission.denied', message: 'no' } })
  server.send({ type: 'error', payload: { code: 'channel.not_found', message: 'no' } })
  await log('the broker refused a line', 2)
  // It has read all four once it answers what came behind them.
  server.send({ type: 'ping', id: 9 })
  await server.until(() => server.received.some(envelope => envelope.type === 'pong' && envelope['ref'] === 9))
  appendFileSync(file, 'on\n')
  await events(1)
  t.is(logged.filter(text => text === 'the broker refused a line').length, 2)
})

pythonTest('tail: ends with 0 when its broker is gone, and on SIGTERM', async t => {
  const orphan = await startTail(t)
  orphan.child.stdin!.end()
  t.deepEqual(await once(orphan.child, 'exit'), [0, null])
  const stopped = await startTail(t)
  stopped.child.kill('SIGTERM')
  t.deepEqual(await once(stopped.child, 'exit'), [0, null])
  const waiting = await startTail(t)
  await waiting.server.close()
  await waiting.log('not connected')
  waiting.child.stdin!.end()
  t.deepEqual(await once(waiting.child, 'exit'), [0, null])
})

pythonTest('tail: started by hand it takes the home\'s token and does not mind its stdin', async t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'token'), 'owner-token\n')
  const { server, child, file, events } = await startTail(t, { content: '', env: { CALLBOARD_HOME: home, CALLBOARD_AGENT: undefined, CALLBOARD_TOKEN: undefined } })
  t.like(server.hellos[0]!['payload'], { token: 'owner-token' })
  t.is((server.hellos[0]!['payload'] as { principal?: string }).principal, undefined)
  child.stdin!.end()
  appendFileSync(file, 'still here\n')
  t.deepEqual(lines(await events(1)), ['still here'])
})
