// What `callboard nats-server -t` accepts and refuses, beside the real nats-server on the same files.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConf } from '../../../cli/nats-server/conf/load.ts'
import { Notes } from '../../../cli/nats-server/keys/notes.ts'
import { readServerOptions } from '../../../cli/nats-server/keys/top-level.ts'
import { natsServerEnvironment, natsTest } from '../../support/nats-server.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const NKEY = 'UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4'

const both: readonly string[] = [
  '', '# nothing', 'port: 4222', 'port = 4222', 'port 4222', 'port:4222', 'port: "4222"', 'port: x', 'port: 1.5', 'port\n4222', 'port:\n4222',
  'listen: 4222', 'listen: "127.0.0.1:4222"', 'listen: 127.0.0.1:-1', 'listen: localhost', 'listen: "[::1]:4222"', 'listen: true',
  'host: 127.0.0.1', 'host: localhost', 'net: "::"', 'host: 7', 'host 127.0.0.1; port 4222', 'host: a, port: 1', '{ host: a, port: 1 }', '{"host": "a", "port": 1}',
  'foo: 1', 'foo: 1\nport: $foo', 'port: $NOT_SET_ANYWHERE', 'PORT: 4222', 'Max_Payload: 1mb',
  'max_payload: 1mb', 'max_payload: 1MB', 'max_payload: 64k', 'max_payload: 4gb', 'max_payload: "1mb"', 'max_payload: 1.5', 'max_control_line: 512', 'max_pending: 64MB', 'max_connections: 100', 'max_conn: -1', 'max_subscriptions: 0', 'max_subs: ten',
  'ping_interval: "2s"', 'ping_interval: 2s', 'ping_interval: "1m30s"', 'ping_interval: "2x"', 'ping_max: 3', 'write_deadline: "2s"', 'write_deadline: soon',
  'lame_duck_duration: "30s"', 'lame_duck_duration: 1m', 'lame_duck_duration: "29s"', 'lame_duck_duration: never', 'lame_duck_grace_period: "10s"', 'lame_duck_grace_period: "-1s"',
  'debug: true', 'debug: yes', 'trace: off', 'debug: 1', 'debug: "true"', 'logtime: false', 'log_file: "/tmp/x.log"', 'logfile_size_limit: 1mb', 'pid_file: /tmp/x.pid', 'ports_file_dir: "/tmp"', 'server_name: a', 'server_name: 1x', 'server_name: 12',
  'http: 8222', 'http: "127.0.0.1:8222"', 'http_port: 8222', 'monitor_port: 8222', 'http: nowhere', 'server_tags: [a, b]', 'server_tags: a', 'server_tags: 1',
  'authorization { user: a, password: b }', 'authorization { user: a\npassword: b\ntimeout: 0.5 }', 'authorization: { token: s3cret }', 'authorization { user: a, password: b, token: c }', 'authorization { user: a, password: b, users: [] }', 'authorization { token: a, users: [{user: b}] }',
  'authorization { users: [{user: a, password: b}, {user: c}] }', 'authorization { users: [{user: a}, {user: a}] }', 'authorization { users: [{password: b}] }', 'authorization { users: {user: a} }', 'authorization { users: [a] }', 'authorization: 1', 'authorization { colour: red }',
  `authorization { users: [{nkey: ${NKEY}}] }`, 'authorization { users: [{nkey: UABC}] }', 'authorization { users: [{nkey: UDXB2TJJM4YZUNIGWNHTJ7IHHE5WYMEGPRAG7QLQEVRN2VDWBWIQHBXP}] }', `authorization { users: [{nkey: ${NKEY}, password: a}] }`, 'authorization { users: [{user: a, colour: red}] }', 'authorization { user: 7 }',
  ...['publish: "a.>"', 'publish: ["a", "b.*"]', 'publish: { allow: "a", deny: ["a.b"] }', 'publish: { permit: "a" }', 'publish: 7', 'publish: [7]', 'publish: "a..b"', 'publish: ">.a"', 'subscribe: "q A"', 'subscribe: "a b c"', 'publish: {}', 'allow_responses: true', 'allow_responses: { max: 5, expires: "1m" }', 'allow_responses: { max: 5, expires: 1 }', 'allow_responses: 7', 'colour: red'].map(
    rules => `authorization { users: [{user: a, permissions: { ${rules} }}] }`,
  ),
  'authorization { default_permissions: { publish: "a" }, users: [{user: a}] }', 'authorization { users: [{user: a, permissions: 7}] }',
  'accounts { A { users: [{user: a, password: b}] } }', 'accounts { A: 7 }', 'accounts: [A, B]', 'accounts { A { colour: red } }', 
  'no_auth_user: a\nauthorization { users: [{user: a}] }', 'no_auth_user: 7',
  'websocket { port: -1, no_tls: true }', 'websocket { listen: "127.0.0.1:8080", no_tls: true }', 'websocket: 8080', 'websocket { port: 1, colour: red }', 'websocket { port: x }', 'websocket { port: 1, no_tls: true, compression: true, allowed_origins: ["http://a"], handshake_timeout: "2s" }',
  'tls { cert_file: "/nowhere/a.pem", key_file: "/nowhere/b.pem" }', 'tls { cert_file: 7 }', 'tls { colour: red }', 'tls { cert_file: "a" }', 'tls { key_file: "a" }', 'tls { verify: 7 }',
  'jetstream: true', 'jetstream: enabled', 'jetstream { store_dir: "/tmp/nats" }', 'leafnodes { listen: "127.0.0.1:-1" }', 'cluster { listen: "127.0.0.1:-1", name: a }',
  'a: {', 'a: [', 'port: [ , ]', 'port: "x', "port: 'x", 'authorization {\n user: a password: b\n}', 'server_name: "\\q"', 'server_name: "\\x4Z"', 'port: 1 2', 'port: .5', 'port: 1.', 'port: -x', 'max_pending: 9223372036854775808', '= 2', 'include "nope.conf"', 'include 7', 'server_tags: [a b]', 'server_tags: [a\nb\n]', 'server_tags: [a,,b]',
  "include 'users.inc'", 'authorization { include ./users.inc }', 'port: $PORT_OF_TEST', 'server_name: $NAME_OF_TEST',
]

// Where Callboard says no to what nats-server takes, or the other way round, on purpose.
const different: readonly (readonly [text: string, nats: boolean, callboard: boolean, why: string])[] = [
  ['port', true, false, 'a key without a value is a mistake, not nothing'],
  ['include', true, false, 'the same'],
  ['accounts: 7', true, false, 'no accounts'],
  ['}', true, false, 'a bracket that closes nothing'],
  ['port: 70000', true, false, 'there is no such port'],
  ['gateway { name: a, port: -1 }', true, false, 'no super clusters'],
  ['mqtt { port: -1 }', true, false, 'no MQTT'],
  ['accounts { A { users: [{user: a}] }, B { users: [{user: b}] } }', true, false, 'one space of subjects'],
  ['cluster { listen: "127.0.0.1:-1", routes: ["nats://127.0.0.1:1"] }', true, false, 'others are joined by bus.nats'],
  ['authorization { user: a, password: "$2a$11$W2zko751KUvVy59mUTWmpOdWjpEm5qhcCZRd05GjI/sSOT.xtiHyG" }', true, false, 'no bcrypt'],
  ['authorization { user: a, password: "$2a$11$cut.short" }', true, false, 'no bcrypt'],
  ['https_port: 8443', true, false, 'the monitoring endpoints speak plain HTTP'],
  ['websocket { port: -1 }', true, false, 'nats-server says so when it starts'],
  ['ping_interval: 1m30s', false, true, 'a digit behind a unit makes it a word here, as a letter does to both'],
]

natsTest('nats-server: what is accepted and refused is what nats-server accepts and refuses', t => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, 'users.inc'), 'user: a\npassword: b\n')
  const environment = { PORT_OF_TEST: '4000', NAME_OF_TEST: 'n' }
  const file = join(directory, 'test.conf')
  const verdicts = (text: string): { nats: boolean; callboard: boolean; words: string } => {
    writeFileSync(file, text)
    const real = spawnSync('nats-server', ['-t', '-c', file], { env: { ...natsServerEnvironment, ...environment }, encoding: 'utf8' })
    // Warnings alone end the check of nats-server too, though it starts with them.
    const nats = real.status === 0 || /invalid use of field/.test(real.stderr)
    try {
      const notes = new Notes()
      readServerOptions(loadConf(file, environment), notes)
      notes.check()
      return { nats, callboard: true, words: real.stderr }
    } catch (error) {
      return { nats, callboard: false, words: String(error) }
    }
  }
  const apart = both.flatMap(text => {
    const { nats, callboard, words } = verdicts(text)
    return nats === callboard ? [] : [{ text, nats, callboard, words }]
  })
  t.deepEqual(apart, [])
  for (const [text, nats, callboard, why] of different) {
    const found = verdicts(text)
    t.deepEqual([found.nats, found.callboard], [nats, callboard], `${JSON.stringify(text)} (${why}): ${found.words}`)
  }
})
