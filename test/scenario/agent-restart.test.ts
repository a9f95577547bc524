import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { BrokerError, type AgentInfo } from '../../client/index.ts'
import { startBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { runCallboard } from '../support/run-callboard.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const slow = { initial: '1h', max: '1h' }

/** A program that runs until it is stopped; the file can be taken away. */
function program(t: ExecutionContext): string {
  const path = join(temporaryDirectory(t), 'lamp')
  writeFileSync(path, '#!/bin/sh\nexec sleep 1000\n')
  chmodSync(path, 0o700)
  return path
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('agent restart: the answer comes when the next process runs and the last one is gone', async t => {
  const broker = await startBroker(t, { config: { agents: [{ name: 'lamp', command: program(t) }] } })
  const client = await broker.connect()
  const [before] = (await client.call('agents')).agents
  const after = await client.call('agent.restart', { name: 'lamp' })
  t.like(after, { name: 'lamp', phase: 'run', incarnation: 1, restarts: 0 })
  t.true(isRunning(after.pid!))
  t.false(isRunning(before!.pid!))
  t.not(after.pid, before!.pid)
})

test('agent restart: the command line shows the new process', async t => {
  const { home, broker } = await startBroker(t, { config: { agents: [{ name: 'lamp', command: program(t) }] } })
  const { exit, stdout } = await runCallboard(t, ['agents', 'restart', 'lamp', '--json'], { home })
  t.is(exit, 0)
  const { pid, phase } = JSON.parse(stdout) as AgentInfo
  t.is(phase, 'run')
  t.true(isRunning(pid!))
  await broker.stop()
  t.false(isRunning(pid!))
})

test('agent restart: one whose program is gone fails by name and with the reason, and then it is down', async t => {
  const command = program(t)
  const broker = await startBroker(t, { config: { agents: [{ name: 'lamp', command, backoff: slow }] } })
  const client = await broker.connect()
  rmSync(command)
  const error = await t.throwsAsync(client.call('agent.restart', { name: 'lamp' }), { instanceOf: BrokerError })
  t.is(error.code, 'agent.failed')
  t.regex(error.message, /lamp/)
  t.true(error.message.includes(command), error.message)
  t.is(await errorCode(client.call('agent.restart', { name: 'lamp' })), 'agent.failed')
})

test('agent restart: a broker that stops meanwhile answers or ends the connection, and leaves no process', async t => {
  const broker = await startBroker(t, { config: { agents: [{ name: 'lamp', command: program(t) }] } })
  const client = await broker.connect()
  const { pid } = (await client.call('agents')).agents[0]!
  const restart = errorCode(client.call('agent.restart', { name: 'lamp' }))
  await broker.broker.stop()
  t.true(['agent.failed', 'connection.draining', 'connection.lost', 'resolved'].includes(await restart), await restart)
  t.false(isRunning(pid!))
})
