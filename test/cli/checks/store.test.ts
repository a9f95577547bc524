import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { homePaths } from '../../../broker/ground/home.ts'
import { defaultStore } from '../../../broker/ground/store-settings.ts'
import { openEmbedded } from '../../../broker/store/embedded/open.ts'
import type { Finding } from '../../../cli/checks/finding.ts'
import { checkStore } from '../../../cli/checks/store.ts'
import { recordedLog } from '../../support/recorded-log.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

/** What is found with this configuration, in a home of its own. */
async function found(t: ExecutionContext, config: object, home = temporaryDirectory(t)): Promise<Finding[]> {
  writeFileSync(join(home, 'config.json'), JSON.stringify(config))
  const findings: Finding[] = []
  // The servers are in this process, which may be held up for longer than theirs are given by default.
  for await (const finding of checkStore({ paths: homePaths(home), isHomeGiven: true, isJson: false }, undefined, 60_000)) findings.push(finding)
  for (const { state, remedy, text } of findings) t.is(remedy !== undefined, state !== 'ok', text)
  return findings
}

/** A server that says something to whoever connects, or once it is asked. */
async function server(t: ExecutionContext, says: string, isAsked = false): Promise<string> {
  const listener = createServer(socket => {
    if (isAsked) socket.once('data', () => socket.end(says))
    else socket.end(says)
  }).listen(0, '127.0.0.1')
  t.teardown(() => listener.close())
  await once(listener, 'listening')
  return `127.0.0.1:${(listener.address() as AddressInfo).port}`
}

test('doctor, store: a home without queues is in order, and queues that are turned off are not looked at', async t => {
  const [store, space] = await found(t, {})
  t.like(store, { check: 'store', state: 'ok' })
  t.regex(store!.text, /store does not exist yet/)
  t.like(space, { check: 'store space', state: 'ok' })
  t.deepEqual(await found(t, { queue: { enabled: false } }), [])
  t.deepEqual(await found(t, { queue: 'wrong' }), [])
})

test('doctor, store: a file in the place of the directory is found', async t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'store'), '')
  t.like((await found(t, {}, home))[0], { check: 'store', state: 'fail', text: `${join(home, 'store')} is not a directory` })
})

test('doctor, store: a directory that is there is named', async t => {
  const home = temporaryDirectory(t)
  mkdirSync(join(home, 'elsewhere'))
  t.like((await found(t, { store: { embedded: { path: './elsewhere' } } }, home))[0], { state: 'ok', text: `${join(home, 'elsewhere')}, writable` })
})

test('doctor, store: a database that is gone keeps the broker from working, and is named', async t => {
  const home = temporaryDirectory(t)
  mkdirSync(join(home, 'store'))
  for (const name of ['queues.db', 'queues.mark']) writeFileSync(join(home, 'store', name), 'x')
  t.like((await found(t, {}, home))[0], { state: 'ok' })
  writeFileSync(join(home, 'store', 'queues.db'), '')
  t.like((await found(t, {}, home))[0], { check: 'store', state: 'fail', text: `${join(home, 'store', 'queues.db')} is missing or empty, and the files beside it say that there was one` })
})

test('doctor, store: keys are looked at without being shown, commands looked for without being run', async t => {
  const home = temporaryDirectory(t)
  const secret = randomBytes(32).toString('base64')
  const write = (name: string, text: string, mode: number): void => {
    writeFileSync(join(home, name), text)
    chmodSync(join(home, name), mode)
  }
  write('good', `${secret}\n`, 0o600)
  write('open', secret, 0o644)
  write('short', 'abc', 0o600)
  const keys = [{ file: 'good' }, { file: 'open' }, { file: 'short' }, { file: 'none' }, { command: ['node', '-e', 'process.exit(1)'] }, { command: ['no-such-program'] }]
  const findings = (await found(t, { store: { embedded: { encryption: { keys } } } }, home)).filter(({ check }) => check === 'store key')
  t.deepEqual(findings.map(({ state }) => state), ['ok', 'fail', 'fail', 'fail', 'ok', 'fail'])
  t.is(findings[1]!.remedy, `chmod 600 ${join(home, 'open')}`)
  t.false(JSON.stringify(findings).includes(secret))
})

test('doctor, store: a key that is one, but not that of the store, was in order; it is held against the store', async t => {
  const home = temporaryDirectory(t)
  for (const name of ['right', 'wrong']) writeFileSync(join(home, name), randomBytes(32).toString('base64'), { mode: 0o600 })
  const directory = join(home, 'store')
  const store = await openEmbedded({ settings: { ...defaultStore, embedded: { path: undefined, encryption: { keys: [{ file: join(home, 'right') }] }, checkAtStart: false } }, directory, log: recordedLog(), broker: 'abcdefabcdef', onFailed: () => {} })
  await store.close()
  const files = readdirSync(directory)
  const findings = async (encryption?: object): Promise<Finding[]> => (await found(t, { store: { embedded: encryption === undefined ? {} : { encryption } } }, home)).filter(({ check }) => check === 'store key')
  t.deepEqual((await findings({ keys: [{ file: 'right' }] })).map(({ state }) => state), ['ok'])
  t.deepEqual((await findings({ keys: [{ file: 'wrong' }, { file: 'right' }] })).map(({ state }) => state), ['ok', 'ok'])
  const wrong = await findings({ keys: [{ file: 'wrong' }] })
  t.deepEqual(wrong.map(({ state }) => state), ['ok', 'fail'])
  t.regex(wrong[1]!.text, /the store has messages sealed with key [0-9a-f]{8}, and the configured keys are [0-9a-f]{8}/)
  const [none] = await findings()
  t.regex(none!.text, /the store is encrypted with key [0-9a-f]{8}, and store\.embedded\.encryption names no keys/)
  t.deepEqual(await findings({ keys: [{ command: ['node', '-e', 'process.exit(1)'] }] }).then(each => each.map(({ state }) => state)), ['ok'], 'a command is not run')
  t.deepEqual(readdirSync(directory), files, 'looking makes no files')
})

test('doctor, store: Redis answers, with and without a password, or something else does', async t => {
  const at = async (says: string): Promise<Finding> => (await found(t, { queue: { backend: 'redis' }, store: { redis: { url: `redis://${await server(t, says, true)}` } } }))[0]!
  t.is((await at('+PONG\r\n')).state, 'ok')
  t.is((await at('-NOAUTH Authentication required.\r\n')).state, 'ok')
  t.like(await at('HTTP/1.1 400 Bad Request\r\n'), { state: 'fail' })
  const [unread] = await found(t, { queue: { backend: 'redis' }, store: { redis: { passwordFile: 'none' } } })
  t.regex(unread!.text, /none cannot be read/)
})

test('doctor, store: one server of several is enough, and NATS must have JetStream', async t => {
  const nobody = await server(t, '')
  const [withIt, without] = [await server(t, 'INFO {"server_id":"x","jetstream":true}\r\n'), await server(t, 'INFO {"server_id":"x"}\r\n')]
  const at = async (...servers: string[]): Promise<Finding> => (await found(t, { queue: { backend: 'nats' }, store: { nats: { servers } } }))[0]!
  t.is((await at(withIt)).state, 'ok')
  t.regex((await at(without)).text, /something else answers there/)
  t.is((await at(without, withIt)).state, 'ok')
  const [kafka] = await found(t, { queue: { backend: 'kafka' }, store: { kafka: { brokers: ['127.0.0.1:1', nobody] } } })
  t.is(kafka!.state, 'ok')
  const [none] = await found(t, { queue: { backend: 'kafka' }, store: { kafka: { brokers: ['127.0.0.1:1'] } } })
  t.regex(none!.text, /^no Kafka broker answers \(127\.0\.0\.1:1: .*ECONNREFUSED/)
})
