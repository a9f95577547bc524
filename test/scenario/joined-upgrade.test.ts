// An upgrade of a broker that has joined others, with traffic both ways.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { BrokerError } from '../../broker/ground/errors.ts'
import { connect, type Client } from '../../client/index.ts'
import { endHolder, isRunning } from '../support/broker-home.ts'
import { startCallboard, type Callboard } from '../support/callboard.ts'
import { errorCode } from '../support/error-code.ts'
import { joinedBroker, knows, reaches } from '../support/joined-brokers.ts'
import { natsStory, startNatsServer } from '../support/nats-server.ts'
import { bin } from '../support/run-callboard.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

type Open = (clientId?: string) => Promise<Client>

/** Asks and publishes until it is over, and keeps what came of it. */
class Traffic {
  readonly failed: string[] = []
  readonly answered: Record<string, number> = {}
  readonly sent: Record<string, number> = {}
  readonly got: Record<string, number[]> = {}
  readonly #loops: Promise<void>[] = []
  #isOver = false

  async answer(at: Open, subject: string, group?: string, client?: string): Promise<void> {
    const responder = await at(client)
    await responder.subscribe<number>(subject, { ...(group === undefined ? {} : { group }), onMessage: message => message.respond(message.value) }).ready
  }

  async ask(at: Open, subject: string): Promise<void> {
    const client = await at()
    // What it asks is known to be there; how long that takes is another story.
    await until(() => client.request(subject, 0).then(() => true, () => false))
    const name = `${client.id} ${subject}`
    this.#loops.push(this.#until(async () => {
      await client.request(subject, 0).catch((error: unknown) => this.failed.push(`${subject} ${BrokerError.from(error).code}`))
      this.answered[name] = (this.answered[name] ?? 0) + 1
    }))
  }

  async publish(from: Open, subject: string, to: readonly Open[], group?: string): Promise<void> {
    const got: number[] = (this.got[subject] = [])
    for (const at of to) await (await at()).subscribe<number>(subject, { ...(group === undefined ? {} : { group }), onMessage: message => void got.push(message.value) }).ready
    const publisher = await from()
    this.sent[subject] = 0
    this.#loops.push(this.#until(() => publisher.publish(subject, this.sent[subject]!++)))
  }

  /** Resolves when everybody has asked so often since now. */
  async more(count: number): Promise<void> {
    const before = { ...this.answered }
    await until(() => Object.keys(this.answered).every(name => this.answered[name]! >= (before[name] ?? 0) + count), () => this.answered)
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
    await until(() => Object.keys(this.sent).every(subject => this.got[subject]!.length >= this.sent[subject]!), () => Object.keys(this.sent).map(subject => [subject, this.sent[subject], this.got[subject]!.length]))
  }

  async #until(work: () => Promise<unknown>): Promise<void> {
    while (!this.#isOver) {
      await work()
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }
}

async function clientOf(t: Teardown, { home, started }: Callboard, clientId?: string): Promise<Client> {
  const client = await connect({ home, socket: started.socket, agent: false, requestTimeoutMs: 60_000, connectTimeoutMs: 60_000, ...(clientId === undefined ? {} : { clientId }) })
  t.teardown(() => client.destroy())
  return client
}

/** The real program, with words of our own before it. */
function program({ home }: { readonly home: string }, words: string): string[] {
  const path = join(home, 'before.mjs')
  writeFileSync(path, words)
  return [process.execPath, '--import', path, bin]
}

natsStory('upgrade: of two joined brokers one goes on in another process: no request fails, either way, and every message comes once, to subscribers in order; nor where it fails', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const config = join(temporaryDirectory(t), 'joined.json')
  writeFileSync(config, JSON.stringify({ gateway: { enabled: false }, bus: { nats: { servers: [url] } } }))
  const [upgraded, other] = [await startCallboard(t, { config }), await joinedBroker(t, [url])]
  endHolder(t, upgraded.home)
  const here: Open = clientId => clientOf(t, upgraded, clientId)
  const there: Open = () => other.connect({ requestTimeoutMs: 60_000 })
  const watch = await here()
  await knows(watch, 1)
  const traffic = new Traffic()
  await traffic.answer(here, 'here')
  await traffic.answer(there, 'there')
  await traffic.answer(here, 'both', 'workers')
  await traffic.answer(there, 'both', 'workers')
  await traffic.answer(here, '$CB.to.client.lamp', undefined, 'lamp')
  await traffic.publish(here, 'out', [there])
  await traffic.publish(there, 'in', [here])
  await traffic.publish(there, 'shared', [here, there], 'readers')
  await traffic.ask(there, 'here')
  await traffic.ask(there, '$CB.to.client.lamp')
  await traffic.ask(here, 'there')
  await traffic.ask(here, 'both')
  await traffic.ask(there, 'both')
  await traffic.more(20)
  // One that is handed all and has begun everything, and is killed as it is about to serve: its listeners open so late that a link would have been joined.
  const victim = program(upgraded, 'import { Server } from "node:net"; const { listen } = Server.prototype; Server.prototype.listen = function (...to) { setTimeout(() => listen.apply(this, to), 300); return this }; const { send } = process; process.send = (message, ...more) => (message.type === "serving" ? process.kill(process.pid, "SIGKILL") : send.call(process, message, ...more))')
  await t.throwsAsync(watch.call('upgrade', { program: victim }), { message: /it was ended by SIGKILL/ })
  await traffic.more(20)
  await upgraded.json('upgrade')
  await traffic.more(20)
  await traffic.end()
  const inOrder = (subject: string): number[] => Array.from({ length: traffic.sent[subject]! }, (_, i) => i)
  t.deepEqual(traffic.failed, [])
  t.deepEqual(traffic.got['out'], inOrder('out'))
  t.deepEqual(traffic.got['in'], inOrder('in'))
  t.deepEqual(traffic.got['shared']!.toSorted((a, b) => a - b), inOrder('shared'))
  await knows(watch, 1)
  t.log({ answered: traffic.answered, sent: traffic.sent })
})

// The servers of the others are away, so that the hand-over of the link takes its 5 s.
test('upgrade: agents do not wait for the link to other brokers, and another upgrade does', async t => {
  const config = join(temporaryDirectory(t), 'away.json')
  writeFileSync(config, JSON.stringify({ gateway: { enabled: false }, bus: { nats: { servers: ['nats://127.0.0.1:1'] } }, agents: [{ name: 'lamp', command: 'sleep', args: ['1000'] }] }))
  const broker = await startCallboard(t, { config })
  endHolder(t, broker.home)
  const admin = await connect({ home: broker.home, socket: broker.started.socket, agent: false, requestTimeoutMs: 60_000 })
  t.teardown(() => admin.destroy())
  const lamp = async (): Promise<number> => (await admin.call('agents')).agents[0]!.pid!
  const before = await lamp()
  await broker.json('upgrade')
  await until(() => !isRunning(before))
  const endedMs = performance.now()
  // A program that takes nothing over: asked for only when the link is the next process's.
  const again = (): Promise<unknown> => admin.call('upgrade', { program: [process.execPath, '-e', 'process.exit(7)'] })
  const error = (await t.throwsAsync(again())) as BrokerError
  t.is(error.code, 'upgrade.busy')
  t.regex(error.message, /link to other brokers/)
  await until(async () => (await errorCode(again())) === 'upgrade.failed')
  const laterMs = performance.now() - endedMs
  t.true(laterMs > 1000, `the link was handed over ${laterMs} ms after the agent had ended`)
  t.true(isRunning(await lamp()))
})

natsStory('upgrade: while no NATS server is there, and one comes while all is handed over, the next process alone joins it: what waited, and what comes, comes once', async t => {
  const server = await startNatsServer(t)
  const config = join(temporaryDirectory(t), 'joined.json')
  // The one that makes way would come back at once.
  writeFileSync(config, JSON.stringify({ gateway: { enabled: false }, bus: { nats: { name: 'upgraded', servers: [server.url], backoff: { initial: '10ms', max: '10ms' } } } }))
  const [upgraded, other] = [await startCallboard(t, { config }), await joinedBroker(t, [server.url], { bus: { backoff: { initial: '10ms', max: '10ms' } } })]
  endHolder(t, upgraded.home)
  const [here, asker] = [await clientOf(t, upgraded), await clientOf(t, upgraded)]
  const there = await other.connect({ requestTimeoutMs: 60_000 })
  await reaches(here, 'joined')
  const [out, inward]: [unknown[], unknown[]] = [[], []]
  await there.subscribe('out.*', { onMessage: message => void out.push(message.value) }).ready
  for (const pattern of ['in.*', 'in.>']) await here.subscribe(pattern, { onMessage: message => void inward.push([pattern, message.value]) }).ready
  await server.kill()
  for (const client of [here, there]) await reaches(client, 'waiting')
  for (let i = 0; i < 10; i++) await here.publish('out.x', i)
  const [taken, goOn] = [join(upgraded.home, 'taken'), join(upgraded.home, 'go-on')]
  const holding = `import { existsSync, writeFileSync } from 'node:fs'
    process.on('message', ({ type }) => { if (type !== 'take') return; writeFileSync(${JSON.stringify(taken)}, ''); while (!existsSync(${JSON.stringify(goOn)})) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10) })`
  const upgrading = asker.call('upgrade', { program: program(upgraded, holding) }, { timeoutMs: 60_000 })
  await until(() => existsSync(taken))
  await server.start()
  // It was told so by the one that makes way, or has waited for that in vain.
  await reaches(there, 'joined')
  const links = await server.monitor<{ readonly connections: readonly { readonly name: string }[] }>('connz')
  t.deepEqual(links?.connections.filter(({ name }) => name.startsWith('upgraded')), [])
  writeFileSync(goOn, '')
  await upgrading
  await reaches(here, 'joined')
  await until(() => out.length >= 10)
  // Whoever joined after another process of its broker would be taken for late.
  await here.publish('out.x', 'last')
  await until(() => out.at(-1) === 'last')
  t.deepEqual(out, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 'last'])
  t.is((await there.call('status')).bus!.late, 0)
  await there.publish('in.x', 1)
  await until(() => inward.length >= 2)
  await there.publish('in.x', 2)
  await until(() => inward.length >= 4)
  t.deepEqual(inward.toSorted((a, b) => String(a).localeCompare(String(b))), [['in.*', 1], ['in.*', 2], ['in.>', 1], ['in.>', 2]])
})
