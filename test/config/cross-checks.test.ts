import test from 'ava'
import { Channels } from '../../broker/registry/channels.ts'
import { ownPrograms } from '../../broker/security/own-programs.ts'
import { KNOWN_PROGRAMS, PREDEFINED_CHANNELS } from '../../config/cross-checks.ts'
import { fromYaml, linesOf, problemsOf } from '../support/config.ts'

test('config: the two keys of the socket may agree, and are both named when they do not', async t => {
  t.is((await fromYaml('ipc: {socket: run/a.sock, server: {socket: /etc/callboard/./run/a.sock}}')).settings.ipc.socket, '/etc/callboard/run/a.sock')
  t.deepEqual(await linesOf(t, fromYaml('ipc:\n  socket: /tmp/a.sock\n  server: {socket: b.sock}')), [
    '3:20: ipc.server.socket is "/etc/callboard/b.sock" and ipc.socket is "/tmp/a.sock"; they mean the same: remove one',
  ])
})

test('config: a socket path that the system cannot bind is refused', async t => {
  const path = `/tmp/${'s'.repeat(110)}`
  const [line] = await linesOf(t, fromYaml(`ipc: {socket: ${path}}`))
  t.regex(line!, /^1:15: ipc\.socket has 115 bytes .*; allowed: the path of a Unix socket has at most 10[37]$/)
})

test('config: agents, channels and principals have names of their own', async t => {
  const yaml = 'agents: [{name: a, command: x}, {name: b, command: x}, {name: a, command: y}]\nchannels: [{name: c}, {name: c}]\nprincipals:\n- {name: p, tokenFile: x}\n- {name: p, tokenFile: y}'
  t.deepEqual(await linesOf(t, fromYaml(yaml)), [
    '1:63: agents[2].name is "a", and so is agents[0].name; allowed: a name of its own',
    '2:30: channels[1].name is "c", and so is channels[0].name; allowed: a name of its own',
    '5:10: principals[1].name is "p", and so is principals[0].name; allowed: a name of its own',
  ])
})

test('config: a principal has a token or a file with it, not both and not none', async t => {
  t.deepEqual(await linesOf(t, fromYaml('principals:\n- {name: p, token: abcdefghijklmnop, tokenFile: x}\n- name: q\n- {name: owner, tokenFile: x}')), [
    '2:38: principals[0] has both token and tokenFile; remove one',
    '3:3: principals[1] has neither token nor tokenFile nor nkey; give it one of them',
    '4:10: principals[2].name is "owner", who is whoever has the token of the home; choose another name',
  ])
})

test('config: the principal of those who present nothing needs nothing to present', async t => {
  const { settings } = await fromYaml('nats: {noAuthUser: guest}\nprincipals: [{name: guest}]')
  t.like(settings.principals, [{ name: 'guest', token: undefined, tokenFile: undefined, nkey: undefined }])
  t.deepEqual(await linesOf(t, fromYaml('nats: {noAuthUser: guest}\nprincipals: [{name: guest}, {name: other}]')), [
    '2:29: principals[1] has neither token nor tokenFile nor nkey; give it one of them',
  ])
})

test('config: a principal has an nkey of its own, and one that is none is told once, without what may be a seed', async t => {
  const nkey = 'UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4'
  t.deepEqual(await linesOf(t, fromYaml(`principals:\n- {name: p, nkey: ${nkey}}\n- {name: q, nkey: ${nkey}}\n- {name: r, nkey: SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU}`)), [
    '3:19: principals[1].nkey is a text that is not shown, and so is principals[0].nkey; allowed: an nkey of its own',
    '4:19: principals[2].nkey is a text that is not shown; allowed: the public nkey of a user (U…) or an account (A…), 56 characters',
  ])
})

test('config: predefined and reserved channels are not declared again', async t => {
  t.deepEqual(await linesOf(t, fromYaml('channels: [{name: events}, {name: $SYS.x}, {name: events.door}]')), [
    '1:19: channels[0].name is "events", a predefined channel; choose another name',
    '1:35: channels[1].name is "$SYS.x"; names that begin with $CB, $SYS, $JS or _INBOX are the broker\'s',
  ])
  t.deepEqual(Channels.predefined.map(channel => channel.name).toSorted(), PREDEFINED_CHANNELS.toSorted())
})

test('config: a backoff does not begin above its end, defaults included', async t => {
  t.deepEqual(await linesOf(t, fromYaml('agents:\n- {name: a, command: x, backoff: {initial: 1m}}\n- {name: b, command: x, backoff: {max: 50ms}}\n- {name: c, command: x, backoff: {initial: 1m, max: 1m}}')), [
    '2:44: agents[0].backoff.initial (1m) is longer than backoff.max (30s)',
    '3:40: agents[1].backoff.initial (100ms) is longer than backoff.max (50ms)',
  ])
})

test('config: a secret of an agent has its variable for itself', async t => {
  t.deepEqual(await linesOf(t, fromYaml('agents:\n- {name: a, command: x, env: {KEY_FILE: y}, secrets: {KEY: k}}\n- {name: b, command: x, env: {KEY: y}, secrets: {KEY: k}}')), [
    '2:55: agents[0].secrets.KEY is given in the variable KEY_FILE, which env has as well; remove one',
  ])
})

test('config: an agent with a schedule ends by itself, and is one', async t => {
  const text = ['agents:', '- {name: a, command: x, schedule: "@daily"}', '- {name: b, command: x, schedule: "@daily", restart: permanent}', '- {name: c, command: x, schedule: "@daily", restart: temporary, instances: 2}', '- {name: d, command: x, timeZone: UTC}', '- {name: e, command: x, schedule: "@daily", timeZone: UTC, restart: transient}']
  t.deepEqual(await linesOf(t, fromYaml(text.join('\n'))), [
    '2:25: agents[0] has a schedule and would be started again whenever it ends (restart: permanent, the default); write restart: transient (again after a crash) or temporary (once each time)',
    '3:25: agents[1] has a schedule and would be started again whenever it ends (restart: permanent); write restart: transient (again after a crash) or temporary (once each time)',
    '4:76: agents[2] has a schedule and 2 instances, which would all start at once; give it one, or make agents with times of their own',
    '5:25: agents[3].timeZone is that of a schedule, and there is none; remove it or give it a schedule',
  ])
})

test('config: a schedule is one of cron whose time comes, a time zone one that the system knows', async t => {
  const agent = (more: string): string => `agents: [{name: a, command: x, restart: temporary, ${more}}]`
  for (const pattern of ['* * * *', '61 * * * *', '0 0 30 2 *', '2030-01-01T00:00:00', '@reboot', '* * * * * * 2030', '']) t.regex((await linesOf(t, fromYaml(agent(`schedule: "${pattern}"`)))).join('; '), /agents\[0\]\.schedule is .*; allowed: five or six fields of cron/, pattern)
  for (const zone of ['Europe/Nowhere', '+02:00', '']) t.regex((await linesOf(t, fromYaml(agent(`schedule: "@daily", timeZone: "${zone}"`)))).join('; '), /agents\[0\]\.timeZone is .*; allowed: the name of a time zone/, zone)
  for (const pattern of ['*/5 * * * *', '0 30 4 1,15 * 5', '@HOURLY', '0 12 * JAN MON#2', '0 0 L * *']) await t.notThrowsAsync(fromYaml(agent(`schedule: "${pattern}", timeZone: Europe/Berlin`)), pattern)
})

test('config: an allowed process stands for a program', async t => {
  t.deepEqual(await linesOf(t, fromYaml('ipc: {security: {allowedProcesses: [opencl-cli, mine, /bin/x, openclaw-cli], processes: {mine: {executable: /x}}}}')), [
    '1:37: ipc.security.allowedProcesses[0] is "opencl-cli", which stands for no program; give it an executable in ipc.security.processes, or write its absolute path; did you mean "openclaw-cli"?',
  ])
  t.deepEqual(Object.keys(ownPrograms('/x.ts')).toSorted(), KNOWN_PROGRAMS.toSorted())
})

test('config: large messages without room for them are warned of', async t => {
  const { warnings } = await fromYaml('ipc:\n  performance: {maxMessageSize: 8mb}')
  t.deepEqual(warnings, ['/etc/callboard/test.yaml:2:33: one message of ipc.performance.maxMessageSize (8mb) may cost a slow receiver its connection; make ipc.limits.maxPendingBytes (16mb) at least 32mb'])
  t.deepEqual((await fromYaml('ipc: {performance: {maxMessageSize: 8mb}, limits: {maxPendingBytes: 32mb}}')).warnings, [])
})

test('config: cross-checks pass over what has the wrong shape, the schema tells that', async t => {
  const problems = await problemsOf(t, fromYaml('agents: [1, {name: [x]}]\nchannels: {a: b}\nprincipals: [x, {name: 2}]\nipc: {socket: 5, server: {socket: [x]}, security: {allowedProcesses: x, processes: 1}}'))
  t.deepEqual(problems.map(problem => problem.key), [
    'agents[0]', 'agents[1].command', 'agents[1].name', 'channels', 'principals[0]', 'principals[1]', 'principals[1].name',
    'ipc.socket', 'ipc.server.socket', 'ipc.security.allowedProcesses', 'ipc.security.processes',
  ])
})

test('config: large NATS payloads without room for them are warned of', async t => {
  const { warnings } = await fromYaml('nats: {maxPayload: 8mb}')
  t.deepEqual(warnings, ['/etc/callboard/test.yaml:1:20: one message of nats.maxPayload (8mb) may cost a slow receiver its connection; make ipc.limits.maxPendingBytes (16mb) at least 32mb'])
  t.deepEqual((await fromYaml('ipc: {limits: {maxPendingBytes: 4mb}}')).warnings, [])
})

test('config: nats.noAuthUser is one of the principals', async t => {
  t.deepEqual(await linesOf(t, fromYaml('nats: {noAuthUser: owner}')), ['1:20: nats.noAuthUser is "owner", which no entry of principals has as its name; known are none'])
  t.deepEqual(await linesOf(t, fromYaml('principals: [{name: guest, tokenFile: x}, {name: robot, tokenFile: y}]\nnats: {noAuthUser: gust}')), ['2:20: nats.noAuthUser is "gust", which no entry of principals has as its name; did you mean "guest"?'])
})

test('config: TLS is optional, or comes first', async t => {
  t.regex((await linesOf(t, fromYaml('nats: {tls: {cert: c, key: k, optional: true, first: true}}')))[0]!, /^1:41: nats\.tls has both optional and first/)
})

test('config: certificates of clients are checked against an authority that is named', async t => {
  const lines = await linesOf(t, fromYaml('nats:\n  tls: {cert: c, key: k, verify: true}\n  websocket: {port: 0, tls: {cert: c, key: k, verify: true}}'))
  t.is(lines.length, 2)
  t.regex(lines[0]!, /^2:34: nats\.tls\.verify is true, and there is no nats\.tls\.ca: /)
  t.regex(lines[1]!, /^3:55: nats\.websocket\.tls\.verify is true, and there is no nats\.websocket\.tls\.ca: /)
})

test('config: the two keys of the one gateway may agree, and are named when they do not', async t => {
  t.false((await fromYaml('gateway: {singleton: false, constraints: {onePerHost: false}}')).settings.gateway.isOnePerHost)
  t.deepEqual(await linesOf(t, fromYaml('gateway: {singleton: false, constraints: {onePerHost: true}}')), [
    '1:55: gateway.constraints.onePerHost and gateway.singleton differ; they mean the same: remove one',
  ])
})
