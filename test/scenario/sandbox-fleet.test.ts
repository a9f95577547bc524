// The sample fleet works confined as it does free: agents reach their broker, each other, and what they are given.

import { appendFileSync, existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { startBroker } from '../support/broker.ts'
import { take } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import { sandboxTest } from '../support/sandbox-features.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { isThere, until } from '../support/until.ts'

const root = join(import.meta.dirname, '../..')
const sources = [root, realpathSync(join(root, 'node_modules'))]
const python = '/usr/bin/python3'
const fleet = (parse(readFileSync(join(root, 'examples/fleet.yaml'), 'utf8')) as { agents: { name: string; command: string; args: string[] }[] }).agents

for (const [level, needs] of [['restricted', []], ['isolated', ['namespaces by unshare']]] as const) {
  sandboxTest(`sandbox: the sample fleet does its work at level ${level}, and ends with its broker`, ['Landlock that knows signals (Linux 6.12)', ...needs], async t => {
    const file = join(temporaryDirectory(t), 'lines')
    writeFileSync(file, '')
    const agents = fleet.filter(({ command }) => command !== 'python3' || existsSync(python)).map(agent => ({
      ...agent,
      command: agent.command === 'python3' ? python : agent.command,
      cwd: join(root, 'examples'),
      env: { TAIL_FILE: file },
      sandbox: { level, files: { read: [...sources, file] } },
    }))
    const broker = await startBroker(t, { config: { agents } })
    const client = await broker.connect()
    const lines = client.subscribe<{ line: string }>('events', { filter: 'type=line' })
    await lines.ready
    await until(async () => (await errorCode(client.request('command', { action: 'status', target: 'gateway' }))) === 'resolved')
    await until(async () => (await errorCode(client.request('agent.main', 'what is the status?'))) === 'resolved')
    t.like((await client.request('command', { action: 'status', target: 'gateway' })).value, { type: 'status', target: 'gateway' })
    if (agents.some(({ name }) => name === 'tail')) {
      await broker.log.logged(/following|connected/i)
      appendFileSync(file, 'hello\n')
      t.is((await take(lines, 1))[0]!.value.line, 'hello')
    }
    const running = (await client.call('agents')).agents
    t.deepEqual(running.map(({ sandbox }) => sandbox?.achieved), agents.map(() => level))
    await broker.broker.stop()
    t.deepEqual(running.filter(({ pid }) => isThere(pid!)), [])
  })
}
