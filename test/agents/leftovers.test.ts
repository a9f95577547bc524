import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { AgentRegister } from '../../agents/agent-register.ts'
import { endLeftovers } from '../../agents/leftovers.ts'
import { groupMembers, signalGroup } from '../../agents/process-group.ts'
import { systemClock } from '../../broker/ground/clock.ts'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import { processStamp } from '../../broker/ground/process-stamp.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const SCRIPT = join(import.meta.dirname, '../support/start-agents.ts')

/** Starts agents under a process that can be killed in the broker's place; gives their pids. */
async function startAgents(t: ExecutionContext, home: string, programs: Record<string, string>): Promise<{ broker: ChildProcess; pids: number[] }> {
  const broker = spawn(process.execPath, [SCRIPT, home, ...Object.entries(programs).map(entry => entry.join('='))], { stdio: ['ignore', 'pipe', 'inherit'] })
  const pids: number[] = []
  t.teardown(() => {
    broker.kill('SIGKILL')
    for (const pid of pids) signalGroup(pid, 'SIGKILL')
  })
  for await (const line of createInterface(broker.stdout)) if (pids.push(Number(line)) === Object.keys(programs).length) break
  return { broker, pids }
}

async function killed(broker: ChildProcess): Promise<void> {
  const gone = once(broker, 'exit')
  broker.kill('SIGKILL')
  await gone
}

/** Resolves when nobody of the group runs; AVA's time-out is the bound. */
async function groupEnd(group: number): Promise<void> {
  while (groupMembers(group).length > 0) await delay(10)
}

function leftovers(t: ExecutionContext, home: string) {
  const deadlines = new Deadlines(systemClock, { onError: error => t.fail(String(error)) })
  t.teardown(() => deadlines.close())
  const log = recordedLog()
  const register = new AgentRegister(join(home, 'agents.json'))
  return { log, register, end: () => endLeftovers({ register, home, graceMs: 200, clock: systemClock, deadlines, log }) }
}

function recorded(home: string): unknown {
  return JSON.parse(readFileSync(join(home, 'agents.json'), 'utf8'))
}

test('leftovers: an agent that watches its stdin ends with a broker that is killed', async t => {
  const home = temporaryDirectory(t)
  const { broker, pids } = await startAgents(t, home, { watchful: 'echo ready; cat' })
  await killed(broker)
  await groupEnd(pids[0]!)
  t.is(await leftovers(t, home).end(), 0)
  t.deepEqual(recorded(home), [])
})

test('leftovers: agents that live on are ended by the next broker, with all they started, and no other process is', async t => {
  const home = temporaryDirectory(t)
  const { broker, pids } = await startAgents(t, home, {
    plain: 'echo ready; exec sleep 1000',
    stubborn: 'trap "" TERM; echo ready; sleep 1000; sleep 1000',
    // Its leader ends; what it started goes on in its group.
    orphans: 'sleep 1000 > /dev/null 2>&1 & echo ready; read end; exit 0',
  })
  const other = await startAgents(t, temporaryDirectory(t), { other: 'echo ready; exec sleep 1000' })
  await killed(broker)
  const next = leftovers(t, home)
  t.is(next.register.records.length, 3)
  while (processStamp(pids[2]!) !== undefined) await delay(10)
  t.is(await next.end(), 3)
  t.deepEqual(pids.map(groupMembers), [[], [], []])
  t.deepEqual(next.log.records.map(record => [record.level, record.fields['agent']]), [['warn', 'plain'], ['warn', 'stubborn'], ['warn', 'orphans']])
  t.deepEqual(recorded(home), [])
  t.truthy(processStamp(other.pids[0]!))
})

test('leftovers: a process that has an agent\'s pid by chance is left alone', async t => {
  const home = temporaryDirectory(t)
  const { pids: [stranger] } = await startAgents(t, join(home), { stranger: 'echo ready; exec sleep 1000' })
  const next = temporaryDirectory(t)
  writeFileSync(join(next, 'agents.json'), JSON.stringify([{ name: 'gone', pid: stranger, stamp: processStamp(stranger!)!.replace(/\d+$/, '1') }]))
  t.is(await leftovers(t, next).end(), 0)
  t.truthy(processStamp(stranger!))
  t.deepEqual(recorded(next), [])
})

test('leftovers: a group whose leader is gone is left alone unless one of it was started as that agent', async t => {
  const home = temporaryDirectory(t)
  const { broker, pids: [group] } = await startAgents(t, home, { parent: 'sleep 1000 > /dev/null 2>&1 & echo ready; read end; exit 0' })
  const records = recorded(home) as object[]
  await killed(broker)
  while (processStamp(group!) !== undefined) await delay(10)
  const next = temporaryDirectory(t)
  writeFileSync(join(next, 'agents.json'), JSON.stringify(records))
  t.is(await leftovers(t, next).end(), 0, 'the same name, but of another home')
  t.is(groupMembers(group!).length, 1)
  t.is(await leftovers(t, home).end(), 1)
})

test('agent register: keeps what runs, across instances', t => {
  const path = join(temporaryDirectory(t), 'agents.json')
  const register = new AgentRegister(path)
  t.false(existsSync(path))
  register.add('a', process.pid)
  register.add('b', process.ppid)
  register.add('gone', 2 ** 22 + 1)
  const stamp = processStamp(process.pid)
  t.deepEqual(new AgentRegister(path).records.map(record => record.name), ['a', 'b'])
  t.deepEqual(new AgentRegister(path).records[0], { name: 'a', pid: process.pid, stamp: stamp! })
  register.remove(process.pid)
  register.remove(process.pid)
  t.deepEqual(new AgentRegister(path).records.map(record => record.name), ['b'])
})

test('agent register: while another process has the file nothing is written, and what that one left in it is told of', t => {
  const path = join(temporaryDirectory(t), 'agents.json')
  const register = new AgentRegister(path)
  register.add('own', process.pid)
  register.retire()
  const other = new AgentRegister(path)
  other.add('other', process.ppid)
  t.deepEqual(register.strangers.map(record => record.name), ['other'])
  t.deepEqual(new AgentRegister(path).records.map(record => record.name), ['own', 'other'])
  register.goOn()
  t.deepEqual(register.strangers, [])
  t.deepEqual(new AgentRegister(path).records.map(record => record.name), ['own'])
})

test('agent register: a file that is damaged, or not such a list, counts as empty', t => {
  const path = join(temporaryDirectory(t), 'agents.json')
  for (const text of ['', '[{"name":"a","pid":', '{}', 'null', '[null, 1, {"name":"a","pid":-1,"stamp":"s"}, {"name":"a","pid":1,"stamp":"s"}, {"name":"a","pid":7}]']) {
    writeFileSync(path, text)
    t.deepEqual(new AgentRegister(path).records, [], text)
  }
  mkdirSync(`${path}.d`)
  t.deepEqual(new AgentRegister(`${path}.d`).records, [])
})
