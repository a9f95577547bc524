// Pairs of FIFOs: what programs that can only open files do with them, by a shell and by hand.

import { execFile } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import type { Client } from '../../client/index.ts'
import { startBroker, startBrokerProcess, type LocalBroker } from '../support/broker.ts'
import { take } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const AT_ONCE = constants.O_NONBLOCK
const files = (home: string, name = 'scale'): { input: string; output: string } => ({ input: join(home, `${name}.in`), output: join(home, `${name}.out`) })

/** As a program has them open that is written for it: neither open waits. */
class Program {
  readonly #input: number
  readonly #output: number
  #read = ''

  constructor(t: ExecutionContext, home: string, name?: string) {
    const { input, output } = files(home, name)
    this.#input = openSync(input, constants.O_WRONLY | AT_ONCE)
    this.#output = openSync(output, constants.O_RDONLY | AT_ONCE)
    t.teardown(() => closeSync(this.#output))
  }

  say(envelope: object | string): void {
    writeSync(this.#input, typeof envelope === 'string' ? envelope : `${JSON.stringify(envelope)}\n`)
  }

  async line(): Promise<Record<string, unknown>> {
    await until(() => this.#fill(), () => this.#read.slice(0, 200))
    const end = this.#read.indexOf('\n')
    const line = this.#read.slice(0, end)
    this.#read = this.#read.slice(end + 1)
    return JSON.parse(line) as Record<string, unknown>
  }

  /** Of the line with that `ref`, what it says; others are passed over. */
  async answerTo(ref: string): Promise<Record<string, unknown>> {
    for (;;) {
      const line = await this.line()
      if (line['ref'] === ref) return line
    }
  }

  close(): void {
    closeSync(this.#input)
  }

  #fill(): boolean {
    const chunk = Buffer.alloc(65_536)
    try {
      this.#read += chunk.toString('utf8', 0, readSync(this.#output, chunk))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
    return this.#read.includes('\n')
  }
}

async function withPair(t: ExecutionContext, more: object = {}): Promise<{ broker: LocalBroker; client: Client }> {
  const broker = await startBroker(t, { config: { fifos: [{ name: 'scale', ...more }] } })
  return { broker, client: await broker.connect() }
}

async function echoing(client: Client): Promise<void> {
  await client.subscribe('echo', { onMessage: message => message.respond(message.value) }).ready
}

// Whoever opens the files in the moment in which another one closed them is taken for the same: the broker must have looked.
async function seen(client: Client): Promise<void> {
  for (let i = 0; i < 3; i++) await client.request('$CB.api.ping', {})
}

/** The ids of its connections, one after the other. */
async function connectionId(client: Client): Promise<string | undefined> {
  const { connections } = (await client.request('$CB.api.connections', { id: 'fifo-scale' })).value as { connections: readonly { readonly id: string }[] }
  return connections[0]?.id
}

test('fifos: a shell asks by echo and reads the answer', async t => {
  const { broker, client } = await withPair(t)
  await echoing(client)
  const script = `
    echo '{"type":"request","id":"1","subject":"echo","payload":{"kg":3}}' > scale.in
    read line < scale.out
    echo "$line"`
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: broker.home })
  const { type, ref, payload } = JSON.parse(stdout) as Record<string, unknown>
  t.deepEqual({ type, ref, payload }, { type: 'response', ref: '1', payload: { kg: 3 } })
})

test('fifos: a program that keeps them open subscribes, publishes and gets what comes', async t => {
  const { broker, client } = await withPair(t)
  const got = client.subscribe('weight')
  await got.ready
  const program = new Program(t, broker.home)
  program.say({ type: 'subscribe', id: 's', subject: 'tare' })
  t.is((await program.answerTo('s'))['type'], 'ok')
  program.say({ type: 'event', subject: 'weight', payload: 3.5 })
  const [message] = await take(got, 1)
  t.is(message!.value, 3.5)
  await client.publish('tare', { now: true })
  t.deepEqual((await program.line())['payload'], { now: true })
  const { connections } = (await client.request('$CB.api.connections', { id: 'fifo-scale' })).value as { connections: readonly Record<string, unknown>[] }
  t.like(connections[0], { transport: 'fifo', dialect: 'json', principal: 'fifo:scale', address: 'fifo scale' })
})

test('fifos: whoever opens them anew is a new connection, without what the one before asked for', async t => {
  const { broker, client } = await withPair(t)
  const first = new Program(t, broker.home)
  first.say({ type: 'subscribe', id: 's', subject: 'x' })
  await first.answerTo('s')
  const before = await connectionId(client)
  // Half a line, as of one that was killed while it wrote.
  first.say('{"type":"eve')
  first.close()
  await seen(client)
  const second = new Program(t, broker.home)
  second.say({ type: 'ping', id: 'p' })
  await until(async () => (await connectionId(client)) !== before)
  t.is((await client.publish('x', 1, { receipt: true })).receivers, 0)
  await echoing(client)
  second.say({ type: 'request', id: 'q', subject: 'echo', payload: 1 })
  t.is((await second.answerTo('q'))['payload'], 1)
})

test('fifos: garbage is told and bounded, and the next program is served', async t => {
  const { broker, client } = await withPair(t)
  await echoing(client)
  const bad = new Program(t, broker.home)
  bad.say('{"type":"nonsense","id":"n"}\n')
  t.is((await bad.answerTo('n'))['type'], 'error')
  // One line without an end: cut off at the limit for messages.
  const piece = 'x'.repeat(60_000)
  let written = 0
  await until(() => {
    try {
      bad.say(piece)
      written += piece.length
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
    return written > 3_000_000
  })
  await until(async () => (await connectionId(client).catch(() => undefined)) === undefined)
  bad.close()
  await seen(client)
  const good = new Program(t, broker.home)
  good.say({ type: 'request', id: 'q', subject: 'echo', payload: 'served' })
  t.is((await good.answerTo('q'))['payload'], 'served')
})

test('fifos: of what its program does not read the oldest is lost, and told', async t => {
  const { broker, client } = await withPair(t, { maxPendingBytes: '64kb' })
  const program = new Program(t, broker.home)
  program.say({ type: 'subscribe', id: 's', subject: 'flood' })
  await program.answerTo('s')
  for (let i = 0; i < 400; i++) await client.publish('flood', { i, text: 'x'.repeat(1000) })
  await client.publish('flood', { i: 'last' }, { receipt: true })
  const stats = (await client.request('$CB.api.stats', {})).value as { dropped: Record<string, number> }
  t.true((stats.dropped['overflow'] ?? 0) > 0)
  for (let line = await program.line(); ; line = await program.line()) if ((line['payload'] as { i?: unknown } | null)?.i === 'last') break
  t.pass()
})

test('fifos: with drop-newest the newest is lost, and what they may not do they are refused', async t => {
  const { broker, client } = await withPair(t, { overflow: 'drop-newest', maxPendingBytes: '64kb', publish: { allow: ['weight.>'], deny: ['weight.secret'] }, subscribe: { allow: ['tare.>'], deny: ['tare.secret'] } })
  const program = new Program(t, broker.home)
  for (const subject of ['weight.secret', 'other']) {
    program.say({ type: 'event', id: subject, subject, payload: 1 })
    t.is(((await program.answerTo(subject))['payload'] as { code: string }).code, 'permission.denied')
  }
  for (const subject of ['tare.secret', 'other']) {
    program.say({ type: 'subscribe', id: subject, subject })
    t.is(((await program.answerTo(subject))['payload'] as { code: string }).code, 'permission.denied')
  }
  program.say({ type: 'subscribe', id: 's', subject: 'tare.a' })
  await program.answerTo('s')
  for (let i = 0; i < 400; i++) await client.publish('tare.a', { i, text: 'x'.repeat(1000) }, { receipt: true })
  t.is(((await program.line())['payload'] as { i: number }).i, 0)
})

test('fifos: they are closed to others, gone after a stop, and there again after a kill', async t => {
  const config = { fifos: [{ name: 'scale' }] }
  const first = await startBrokerProcess(t, { config })
  const { input, output } = files(first.home)
  for (const path of [input, output]) t.is(statSync(path).mode & 0o777, 0o600)
  await first.end('SIGKILL')
  t.true(existsSync(input))
  // One that waits for the broker to read, which is dead.
  const waiting = promisify(execFile)('sh', ['-c', `echo x > ${input}`])
  const second = await startBrokerProcess(t, { home: first.home })
  await waiting.catch(() => {})
  await echoing(await second.connect())
  const program = new Program(t, second.home)
  program.say({ type: 'request', id: 'q', subject: 'echo', payload: 1 })
  t.is((await program.answerTo('q'))['payload'], 1)
  await second.end('SIGTERM')
  t.false(existsSync(input) || existsSync(output))
})

test('fifos: a file that is none is left alone, and where nobody could be let in the start says so', async t => {
  const home = temporaryDirectory(t)
  const { input } = files(home)
  writeFileSync(input, 'mine')
  const config = { fifos: [{ name: 'scale' }] }
  t.is(await errorCode(startBroker(t, { home, config })), 'fifo.failed')
  t.is(readFileSync(input, 'utf8'), 'mine')
  t.is(await errorCode(startBroker(t, { config: { ...config, ipc: { security: { validateSignature: true } } } })), 'fifo.failed')
})
