import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys'
import test from 'ava'
import type { ConfigError } from '../../../config/error.ts'
import { goDurationMs } from '../../../cli/nats-server/keys/duration.ts'
import { Notes } from '../../../cli/nats-server/keys/notes.ts'
import { readServerOptions } from '../../../cli/nats-server/keys/top-level.ts'
import type { ServerOptions } from '../../../cli/nats-server/options.ts'
import { toSettings } from '../../../cli/nats-server/to-settings.ts'
import { parseText } from '../../support/conf.ts'

function read(text: string): { options: ServerOptions; warnings: readonly string[] } {
  const notes = new Notes()
  const options = readServerOptions(parseText(text), notes)
  notes.check()
  return { options, warnings: notes.warnings }
}

function problems(text: string): string[] {
  try {
    read(text)
    return []
  } catch (error) {
    return (error as ConfigError).problems.map(problem => `${problem.at!.line}:${problem.at!.column} ${problem.text}`)
  }
}

test('duration: as Go reads it', t => {
  for (const [text, ms] of [['2s', 2000], ['1m30s', 90_000], ['1.5h', 5_400_000], ['250ms', 250], ['-1s', -1000], ['0', 0], ['.5s', 500]] as const) t.is(goDurationMs(text), ms, text)
  for (const text of ['', '2', 's', '2 s', '2S', '1d', '--1s']) t.is(goDurationMs(text), undefined, text)
})

test('keys: every problem is told at once, with its place', t => {
  t.deepEqual(problems('port: x\nmax_payload: 3gb\nmqtt { port: 1 }\nauthorization {\n  users: [ {password: a} ]\n}'), [
    '1:1 port is a string; expected an integer, such as 1000, 64k or 1MB',
    '2:1 max_payload is 3,221,225,472, at most 2,147,483,647 is allowed',
    '3:1 mqtt is not supported: it speaks no MQTT',
    '5:12 a user needs a name or an nkey',
  ])
})

test('keys: a wrong value is not shown, it may be a secret', t => {
  t.false(problems('authorization { password: 12345678 }').join().includes('1234'))
})

test('keys: what a launcher of tests always asks for is taken, with a word where it has no effect', t => {
  const { options, warnings } = read('host: 127.0.0.1\nport: -1\nhttp: 127.0.0.1:-1\nleafnodes { listen: 127.0.0.1:-1 }\nserver_tags [\n id:7\n]\nwebsocket { port: -1, no_tls: true }\njetstream { store_dir: /tmp/x }\nports_file_dir: /tmp')
  t.like(options, { host: '127.0.0.1', port: -1, monitor: { host: '127.0.0.1', port: -1 }, websocket: { port: -1 }, portsFileDirectory: '/tmp' })
  t.deepEqual(warnings.map(line => line.split(' has no effect')[0]), ['test.conf:4:1: leafnodes', 'test.conf:9:1: jetstream'])
})

test('settings: a server of its own at loopback, open to all of this machine, where nothing is said', t => {
  const { settings } = toSettings({})
  t.like(settings.nats, { host: '127.0.0.1', port: 4222, isPortRequired: true, ignoresCredentials: true, noAuthUser: 'anonymous', pingIntervalMs: 120_000, maxPingsOut: 2, maxConnections: 65_536, maxPayloadBytes: 1_048_576 })
  t.false(settings.gateway.enabled)
  t.like(toSettings({ port: -1, maxConnections: -1 }).settings.nats, { port: 0, maxConnections: 0 })
})

test('settings: users become principals with what they may', t => {
  const { options } = read('authorization { default_permissions { publish: "p" }, users: [ {user: a, password: x}, {user: b, permissions: { publish: { deny: "secret" }, subscribe: ["s", "q workers"], allow_responses: true }} ] }')
  const { settings } = toSettings(options)
  t.false(settings.nats.ignoresCredentials)
  t.is(settings.nats.noAuthUser, undefined)
  t.like(settings.principals[0], { name: 'a', token: 'x', publish: { allow: ['p'], deny: [] }, subscribe: { allow: ['>'], deny: [] } })
  // Who may answer, and is said to publish nothing, publishes nothing else.
  t.like(settings.principals[1], { name: 'b', token: '', publish: { allow: [], deny: ['secret'] }, subscribe: { allow: ['s'], deny: [] }, groups: { allow: [{ pattern: 'q', group: 'workers' }], deny: [] }, responses: { maxMessages: 1, ttlMs: 120_000 } })
})

test('settings: names that the broker gives away itself are nobody else\'s', t => {
  for (const name of ['owner', 'agent:x']) t.throws(() => toSettings({ authorization: { users: [{ name, password: 'x' }] } }), { message: /gives this name away itself/ })
})

test('accounts: one account may have users; those of the system account are left out', t => {
  const one = read('system_account: SYS\naccounts { SYS { users: [{user: admin}] }, A { users: [{user: a}] }, B { } }')
  t.deepEqual(one.options.accountUsers?.map(({ name }) => name), ['a'])
  t.regex(one.warnings.join(), /users of the system account SYS are left out/)
  t.regex(problems('accounts { A { users: [{user: a}] }, B { users: [{user: b}] } }').join(), /accounts A, B have users/)
})

const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function jwt(issuer: KeyPair, subject: KeyPair, nats: object, exp?: number): string {
  const signed = `${base64({ typ: 'JWT', alg: 'ed25519-nkey' })}.${base64({ iss: issuer.getPublicKey(), sub: subject.getPublicKey(), ...(exp !== undefined && { exp }), nats })}`
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`
}

test('operator: the account of the preload, with its signing keys, as long as it holds', t => {
  const [operator, account, signer] = [createOperator(), createAccount(), createAccount()]
  const text = `operator: ${jwt(operator, operator, { type: 'operator' })}\nresolver: MEMORY\nresolver_preload { ${account.getPublicKey()}: ${jwt(operator, account, { type: 'account', signing_keys: [signer.getPublicKey()] }, 2_000_000_000)} }`
  const { settings } = toSettings(read(text).options)
  t.false(settings.nats.ignoresCredentials)
  t.deepEqual(settings.principals.map(({ nkey, token, account: rules }) => ({ nkey, token, rules })), [account, signer].map(key => ({ nkey: key.getPublicKey(), token: undefined, rules: { acceptsBearer: true, expiresAtMs: 2_000_000_000_000 } })))
})

test('operator: who signed for nobody, or signed wrongly, is refused', t => {
  const [operator, stranger, account, user] = [createOperator(), createOperator(), createAccount(), createUser()]
  const withAccount = (preloaded: string): string => problems(`operator: ${jwt(operator, operator, { type: 'operator' })}\nresolver: MEMORY\nresolver_preload { ${account.getPublicKey()}: ${preloaded} }`).join()
  t.is(withAccount(jwt(operator, account, { type: 'account' })), '')
  t.regex(withAccount(jwt(stranger, account, { type: 'account' })), /is no key of the operator/)
  t.regex(withAccount(jwt(operator, createAccount(), { type: 'account' })), /is not the JWT of that account/)
  t.regex(withAccount(jwt(operator, user, { type: 'user' })), /is not the JWT of that account/)
  const [header, body] = jwt(operator, account, { type: 'account' }).split('.')
  t.regex(withAccount(`${header}.${body}.${Buffer.alloc(64).toString('base64url')}`), /is not the JWT of that account/)
  t.regex(withAccount(jwt(operator, account, { type: 'account', imports: [{ name: 'x' }] })), /has imports/)
  t.regex(problems(`operator: nonsense\nresolver: MEMORY`).join(), /expected the JWT of an operator/)
  t.regex(problems(`operator: ${jwt(operator, operator, { type: 'operator' })}\nresolver: URL(http://x)`).join(), /unless it is MEMORY/)
})
