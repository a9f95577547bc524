// Limits held by control groups, where a broker may make them: of all processes of an agent together, root's too.

import { readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test, { type Implementation } from 'ava'
import { Cgroups } from '../../agents/sandbox/cgroups.ts'
import type { SandboxReport } from '../../broker/ground/sandbox.ts'
import { startBroker, startBrokerProcess } from '../support/broker.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { isThere, until } from '../support/until.ts'

const probe = await Cgroups.find('/nowhere/callboard-test')
probe.close()
const hasAll = (['memory', 'pids', 'cpu'] as const).every(controller => probe.versions[controller] !== undefined)
const grouped = (title: string, story: Implementation<[]>): void => (hasAll ? test(title, story) : test.skip(`${title} (left out: no control groups may be made for memory, pids and cpu)`, story))

const agent = (name: string, program: string, sandbox: object, more: object = {}): object => ({ name, command: 'sh', args: ['-c', program], cwd: '/', restart: 'temporary', sandbox: { level: 'limits', ...sandbox }, ...more })

grouped('sandbox groups: memory is that of all processes together, and an agent that ends for want of it says so', async t => {
  // Each of them takes half of what all may.
  const child = 'const taken = Buffer.alloc(60 << 20, 1); setInterval(() => taken, 1000)'
  const family = `for (let i = 0; i < 3; i++) require('node:child_process').spawn(process.execPath, ['-e', '${child}']).on('exit', (_, signal) => signal === 'SIGKILL' && process.exit(3))`
  const glutton = 'const all = []; for (;;) all.push(Buffer.alloc(10 << 20, 1))'
  const node = (name: string, program: string, sandbox: object): object => ({ name, command: 'node', args: ['-e', program], cwd: '/', restart: 'temporary', sandbox })
  const broker = await startBroker(t, { config: { agents: [node('family', family, { level: 'limits', memory: '200mb' }), node('glutton', glutton, { level: 'isolated', allowWeaker: true, memory: '100mb' })] } })
  const client = await broker.connect()
  const lastExit = async (name: string) => (await client.call('agents')).agents.find(found => found.name === name)!.lastExit
  for (const name of ['family', 'glutton']) {
    await until(async () => (await lastExit(name)) !== undefined)
    t.regex((await lastExit(name))!, /^(?:SIGKILL|code 137|code 3) \(memory limit\)$/)
  }
  const [crash] = (await client.call('agent.crashes', { name: 'family' })).crashes
  t.regex(JSON.stringify(crash), /"limit":"memory","evidence":"control group: \d processes killed"/)
  const { fields } = broker.log.records.find(({ text, fields: about }) => text === 'started' && about['actor'] === 'agent.family')!
  t.regex(JSON.stringify(fields['sandbox']), /200 MiB for all its processes together, by control groups [12]/)
})

grouped('sandbox groups: processes are counted for root too, a share of a processor can be given, and who left its group of processes ends with the agent', async t => {
  const bomb = 'setsid sleep 1000 & echo "left $!"; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done; echo all; sleep 1000'
  const broker = await startBroker(t, { config: { agents: [agent('bomb', bomb, { processes: 6, cpu: 0.5 })] } })
  const left = Number(/left (\d+)/.exec((await broker.log.logged(/^left/)).text)![1])
  await until(() => broker.log.records.some(({ fields, text }) => fields['stream'] === 'stderr' && /fork/i.test(text)))
  const { fields } = await broker.log.logged(/^started$/)
  const sandbox = fields['sandbox'] as SandboxReport
  t.like(sandbox, { achieved: 'limits', missing: [] })
  t.regex(sandbox.parts.processes!, /^6 for all/)
  t.regex(sandbox.parts.cpu!, /^0\.5 processors for all/)
  // A shell that cannot fork ends.
  const client = await broker.connect()
  await until(async () => (await client.call('agents')).agents[0]?.lastExit?.endsWith('(processes limit)') === true)
  await until(() => !isThere(left))
  t.pass()
})

grouped('sandbox groups: those of a broker that was killed are removed by the next one, with who is left in them', async t => {
  const home = temporaryDirectory(t)
  const config = { agents: [agent('stray', 'setsid sleep 1000 & echo "left $!"; exec sleep 1000', { processes: 6 })] }
  const first = await startBrokerProcess(t, { home, config })
  const lines = (): string => readFileSync(join(home, 'logs/callboard.log'), 'utf8')
  await until(() => /left \d+/.test(lines()))
  const left = Number(/left (\d+)/.exec(lines())![1])
  const groupOf = (pid: number): string => /^(?:\d+:pids|0:):(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))![1]!
  const [, own] = /(callboard-[0-9a-f]{12})\/agent-\d+-1$/.exec(groupOf(left))!
  await first.end('SIGKILL')
  t.true(isThere(left))
  // One that has no use for groups itself; by another name of the home.
  const other = join(temporaryDirectory(t), 'home')
  symlinkSync(home, other)
  const second = await startBroker(t, { home: other, config: { agents: [] } })
  // It is in no group any more before the kernel shows that it has ended.
  await until(() => !isThere(left))
  await second.broker.stop()
  t.deepEqual(probe.directories.filter(directory => readdirSync(join(directory, '..')).includes(own!)), [])
})
