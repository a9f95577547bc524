// What a watchdog sees of a broker that hands over to a successor, played by small programs.

import test, { type ExecutionContext } from 'ava'
import { until } from '../support/until.ts'
import { WatchedBroker } from '../../watchdog/child.ts'

const aliveLine = JSON.stringify(new URL('../../broker/ground/alive-line.ts', import.meta.url).href)

/** Serves, then has a successor serve with the line that it got, and ends in order, as an upgrade does. */
const handingOver = `
  import { spawn } from 'node:child_process'
  const { aliveLine } = await import(${aliveLine})
  const line = aliveLine()
  line.serving(['first'])
  const successor = spawn(process.execPath, ['--input-type=module', '-e', process.env.SUCCESSOR], { stdio: ['ignore', 'inherit', 'inherit', line.fd], env: { ...process.env, CALLBOARD_ALIVE_FD: '3' }, detached: true })
  await new Promise(resolve => successor.once('spawn', resolve))
  await line.ended(0)
  process.exit(0)
`
const successor = `
  const { aliveLine } = await import(${aliveLine})
  const line = aliveLine()
  // Before it says that it serves: it is signalled as soon as that is heard.
  process.on('SIGTERM', async () => { await line.ended(0); process.exit(0) })
  line.serving(['second'])
  setInterval(() => {}, 1000)
`

async function afterHandOver(t: ExecutionContext): Promise<{ broker: WatchedBroker; programs: string[] }> {
  process.env['SUCCESSOR'] = successor
  const programs: string[] = []
  const broker = new WatchedBroker(process.execPath, ['--input-type=module', '-e', handingOver], false, { serving: ([name]) => programs.push(name!), reported() {} })
  const first = broker.pid
  await until(() => programs.length === 2)
  t.not(broker.pid, first)
  t.teardown(() => broker.signal('SIGKILL'))
  return { broker, programs }
}

test('watched broker: signals go to a successor, whose orderly end is the end', async t => {
  const { broker, programs } = await afterHandOver(t)
  t.deepEqual(programs, ['first', 'second'])
  broker.signal('SIGTERM')
  t.is((await broker.ended).orderly, 0)
})

test('watched broker: a successor that is killed has died, although its predecessor ended in order', async t => {
  const { broker } = await afterHandOver(t)
  broker.signal('SIGKILL')
  t.like(await broker.ended, { orderly: undefined, code: undefined, signal: undefined })
})

test('watched broker: one that never served and complained has its exit code', async t => {
  const broker = new WatchedBroker(process.execPath, ['-e', 'process.exit(2)'], false, { serving() {}, reported() {} })
  t.deepEqual(await broker.ended, { orderly: undefined, servedMs: undefined, code: 2, signal: undefined })
})

test('watched broker: a program that is not there ends with a code', async t => {
  const broker = new WatchedBroker('/nowhere/node', [], false, { serving() {}, reported() {} })
  t.is((await broker.ended).code, 1)
})

/** Is about to hand over: the next one has begun, and does not serve yet. */
const makingWay = `
  import { spawn } from 'node:child_process'
  const { aliveLine } = await import(${aliveLine})
  const line = aliveLine()
  const successor = spawn(process.execPath, ['--input-type=module', '-e', process.env.SUCCESSOR], { stdio: ['ignore', 'pipe', 'inherit', line.fd], env: { ...process.env, CALLBOARD_ALIVE_FD: '3' }, detached: true })
  await new Promise(resolve => successor.stdout.once('data', resolve))
  line.serving(['first'])
  setInterval(() => {}, 1000)
`
const beginner = `
  const { aliveLine } = await import(${aliveLine})
  const line = aliveLine()
  process.on('SIGTERM', async () => { await line.ended(0); process.exit(0) })
  setInterval(() => {}, 1000)
  console.log('begun')
`

test('watched broker: where it is killed while its successor begins, that one is signalled, and its orderly end is the end', async t => {
  process.env['SUCCESSOR'] = beginner
  let isServing = false
  const broker = new WatchedBroker(process.execPath, ['--input-type=module', '-e', makingWay], false, { serving: () => (isServing = true), reported() {} })
  t.teardown(() => broker.signal('SIGKILL'))
  await until(() => isServing)
  const first = broker.pid
  broker.signal('SIGKILL')
  await until(() => broker.pid !== first)
  broker.signal('SIGTERM')
  t.like(await broker.ended, { orderly: 0, servedMs: undefined })
})
