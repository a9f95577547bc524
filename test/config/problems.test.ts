import test from 'ava'
import { ConfigError } from '../../config/error.ts'
import { fromJson, fromYaml, linesOf, problemsOf } from '../support/config.ts'

test('config: an unknown key is told with the nearest one', async t => {
  t.deepEqual(await linesOf(t, fromYaml('ipc:\n  serer: {}\n  server:\n    maxConnection: 5\nagent: []\ncolour: 1')), [
    '2:3: "serer" is not a key of ipc; did you mean "server"?',
    '4:5: "maxConnection" is not a key of ipc.server; did you mean "maxConnections"?',
    '5:1: "agent" is not a key at the top; did you mean "agents"?',
    '6:1: "colour" is not a key at the top; allowed: ipc, agents, agentGroups, channels, queue, deduplication, ordering, store, registry, sharedMemory, principals, fifos, gateway, nats, grpc, bus, network, pool, telemetry, audit, recorder, log, security, access, nodes, connections, memory, monitoring',
  ])
})

test('config: an unknown key in an item of a list or map is told with its path', async t => {
  t.deepEqual(await linesOf(t, fromJson('{"agents": [{"name": "a", "command": "b", "comand": 1}],\n "ipc": {"security": {"processes": {"x": {"executable": "/x", "scrpt": "/y"}}}}}')), [
    '1:43: "comand" is not a key of agents[0]; did you mean "command"?',
    '2:63: "scrpt" is not a key of ipc.security.processes.x; did you mean "script"?',
  ])
})

test('config: a value of the wrong type is told with what is allowed', async t => {
  t.deepEqual(await linesOf(t, fromYaml('ipc:\n  enabled: yes\n  timeout: [5]\n  server: 7\n  retry:\n    maxRetries: "3"\nagents: {}\nlog:')), [
    '2:12: ipc.enabled is "yes"; allowed: true or false',
    '3:12: ipc.timeout is a list; allowed: a duration from 1ms to 1h, such as "5s", or a number of milliseconds',
    '4:11: ipc.server is 7; allowed: a map of socket, protocol, maxConnections',
    '6:17: ipc.retry.maxRetries is "3"; allowed: a whole number from 0 to 1,000',
    '7:9: agents is an empty map; allowed: a list',
    '8:5: log is empty; allowed: a map of level',
  ])
})

test('config: a value out of range is told with the range', async t => {
  t.deepEqual(await linesOf(t, fromYaml('ipc:\n  timeout: 0\n  server: {maxConnections: -1}\n  performance: {maxMessageSize: 99gb, bufferSize: 255}\n  retry: {backoffMultiplier: 0.5, maxRetries: 1.5}\n  limits: {stallTimeout: 61s}\nrecorder: {entries: 1000}')), [
    '2:12: ipc.timeout is 0; allowed: a duration from 1ms to 1h, such as "5s", or a number of milliseconds',
    '3:28: ipc.server.maxConnections is -1; allowed: a whole number from 0 to 1,000,000',
    '4:33: ipc.performance.maxMessageSize is "99gb"; allowed: a size from 1kb to 15mb, such as "16kb", or a number of bytes',
    '4:51: ipc.performance.bufferSize is 255; allowed: a size from 256b to 1mb, such as "16kb", or a number of bytes',
    '5:30: ipc.retry.backoffMultiplier is 0.5; allowed: a number from 1 to 10',
    '5:47: ipc.retry.maxRetries is 1.5; allowed: a whole number from 0 to 1,000',
    '6:26: ipc.limits.stallTimeout is "61s"; allowed: a duration from 0ms to 1m, such as "5s", or a number of milliseconds',
    '7:21: recorder.entries is 1000; allowed: a power of two from 1,024 to 1,048,576',
  ])
})

test('config: a word that is none of the few is told with all of them', async t => {
  t.deepEqual(await linesOf(t, fromYaml('log: {level: loud}\nagents: [{name: a, command: b, restart: allways}]\nchannels: [{name: c, mode: Pubsub}]')), [
    '1:14: log.level is "loud"; allowed: one of debug, info, warn, error',
    '2:41: agents[0].restart is "allways"; allowed: one of permanent, transient, temporary',
    '3:28: channels[0].mode is "Pubsub"; allowed: one of pubsub, broadcast, queue',
  ])
})

test('config: a key that must be there is missed by name', async t => {
  t.deepEqual(await linesOf(t, fromYaml('agents:\n  - command: x\n  - name: a')), [
    '2:5: agents[0].name is missing; expected 1 to 128 of A-Z a-z 0-9 _ -',
    '3:5: agents[1].command is missing; expected a text that is not empty',
  ])
})

test('config: wrong names, subjects, patterns and paths are told with the reason', async t => {
  const lines = await linesOf(t, fromYaml(['agents: [{name: a b, command: ""}]', 'channels: [{name: a..b}, {name: "a.*"}]', 'principals: [{name: p, tokenFile: t, publish: {allow: [a.>.b]}}]', 'ipc: {security: {processes: {"a b": {executable: /x}, py: {executable: python3}}}}'].join('\n')))
  t.deepEqual(lines, [
    '1:17: agents[0].name is "a b"; allowed: 1 to 128 of A-Z a-z 0-9 _ -',
    '1:31: agents[0].command is ""; allowed: a text that is not empty',
    '2:19: channels[0].name is "a..b" (it has an empty token (a dot too many)); allowed: tokens divided by dots, without wildcards and white space, at most 255 bytes',
    '2:33: channels[1].name is "a.*" (the wildcard "*" is not allowed in "*"); allowed: tokens divided by dots, without wildcards and white space, at most 255 bytes',
    '3:56: principals[0].publish.allow[0] is "a.>.b" (">" may stand only at the end); allowed: a subject, in which * stands for one token and > at the end for the rest',
    '4:30: ipc.security.processes["a b"]: "a b" is no name; allowed: 1 to 128 of A-Z a-z 0-9 _ - .',
    '4:72: ipc.security.processes.py.executable is "python3"; allowed: an absolute path, or one that begins with ~/',
  ])
})

test('config: numbers where texts belong are not turned into texts', async t => {
  t.deepEqual(await linesOf(t, fromYaml('agents: [{name: a, command: b, args: [1.10], env: {PORT: 80, 1A: x}}]')), [
    '1:39: agents[0].args[0] is 1.1; allowed: a text (numbers and true/false in quotes)',
    '1:58: agents[0].env.PORT is a number that is not shown; allowed: a text (numbers and true/false in quotes)',
    '1:62: agents[0].env.1A: "1A" is no name; allowed: a name of letters, digits and _, not beginning with a digit',
  ])
})

test('config: a fault of the format is told with line and column', async t => {
  t.deepEqual(await linesOf(t, fromJson('{\n  "ipc": {\n    "timeout" 5\n  }\n}')), ['3:15: expected ":" after the key'])
  t.deepEqual(await linesOf(t, fromYaml('ipc:\n  timeout: 5s\n\tenabled: true')), ['3:1: tabs cannot indent; use spaces'])
  t.deepEqual(await linesOf(t, fromJson('{"a": 1,\r\n"a": 2}')), ['2:1: the key "a" stands here a second time'])
  t.deepEqual(await linesOf(t, fromYaml('ipc: {}\nlog: {}\nipc: {}')), ['3:1: the key "ipc" stands here a second time'])
})

test('config: an empty text is not taken for the defaults', async t => {
  for (const loading of [fromJson(''), fromJson('// nothing'), fromYaml('\n# nothing\n')]) t.regex((await linesOf(t, loading))[0]!, /the file is empty; write {} for the defaults, or remove it$/)
})

test('config: a text that is no map is refused', async t => {
  t.deepEqual(await linesOf(t, fromYaml('- ipc')), ['1:1: the configuration is a list; allowed: a map of $schema, ipc, agents, agentGroups, channels, queue, deduplication, ordering, store, registry, sharedMemory, principals, fifos, gateway, nats, grpc, bus, network, pool, telemetry, audit, recorder, log'])
  t.deepEqual(await linesOf(t, fromJson('"ipc"')), ['1:1: the configuration is "ipc"; allowed: a map of $schema, ipc, agents, agentGroups, channels, queue, deduplication, ordering, store, registry, sharedMemory, principals, fifos, gateway, nats, grpc, bus, network, pool, telemetry, audit, recorder, log'])
})

test('config: all problems come at once, in the order of the file, as data and as text', async t => {
  const loading = fromYaml('log: {level: loud}\ngateway: {port: -1}\nagents: [{name: a, command: x}, {name: a, command: x}]\nipc: {timeout: soon}')
  const problems = await problemsOf(t, loading)
  t.deepEqual(problems.map(({ key, at }) => [key, at?.line, at?.column]), [['log.level', 1, 14], ['gateway.port', 2, 17], ['agents[1].name', 3, 40], ['ipc.timeout', 4, 16]])
  const error = await t.throwsAsync(loading, { instanceOf: ConfigError, code: 'config.invalid' })
  t.is(error.message.split('\n').length, 5)
  t.regex(error.message, /^config\.invalid: 4 problems\n  \/etc\/callboard\/test\.yaml:1:14: log\.level is "loud"/)
})

test('config: an address for telemetry is one of the web, and holds no credential', async t => {
  for (const address of ['localhost:4318', 'ftp://a', 'http://user:hidden@a', 'http://a/?key=1', 'nonsense']) {
    const [line] = await linesOf(t, fromYaml(`telemetry:\n  endpoint: "${address}"\n`))
    t.regex(line!, /^2:13: telemetry\.endpoint .*an http:\/\/ or https:\/\/ address without user/, address)
    t.notRegex(line!, /hidden/)
  }
})
