import test from 'ava'
import { fromYaml, linesOf } from '../support/config.ts'

test('config: a probe has what its kind needs, and nothing that is for another', async t => {
  t.deepEqual(await linesOf(t, fromYaml('agents:\n- name: a\n  command: x\n  probes:\n  - {kind: tcp}\n  - {kind: http, port: 80}\n  - {kind: ping, command: [x]}\n  - {kind: command}\n  - {kind: tcp, port: 1, status: 200}')), [
    '5:5: agents[0].probes[0] is of kind tcp and has no port; add it',
    '6:5: agents[0].probes[1] is of kind http and has no url; add it',
    '6:18: agents[0].probes[1].port is for probes of kind tcp, and this one is "http"; remove it',
    '7:18: agents[0].probes[2].command is for probes of kind command, and this one is "ping"; remove it',
    '8:5: agents[0].probes[3] is of kind command and has no command; add it',
    '9:26: agents[0].probes[4].status is for probes of kind http, and this one is "tcp"; remove it',
  ])
})

test('config: what http asks for is an address, or a port of this machine', async t => {
  for (const url of [':8080', ':80/', ':8080/health?full=1', 'http://localhost:1/x', 'https://example.org/']) t.is((await fromYaml(`agents: [{name: a, command: x, probes: [{kind: http, url: "${url}"}]}]`)).settings.agents[0]!.probes!.length, 1, url)
  for (const url of ['8080', ':', ':x', '/health', 'ftp://x', 'http://me:pw@x/', 'http://x/#y', ':80 80']) t.is((await linesOf(t, fromYaml(`agents: [{name: a, command: x, probes: [{kind: http, url: "${url}"}]}]`))).length, 1, url)
})
