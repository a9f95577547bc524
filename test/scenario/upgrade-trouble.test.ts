// An upgrade in which processes are killed, stand still, or meet a third one: one broker serves in the end, and says so.

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { signalGroup } from '../../agents/process-group.ts'
import { processStamp } from '../../broker/ground/process-stamp.ts'
import { connect, type Client } from '../../client/index.ts'
import { endHolder, holderOf, isRunning } from '../support/broker-home.ts'
import { startCallboard, type Callboard } from '../support/callboard.ts'
import { errorCode } from '../support/error-code.ts'
import { RequestLoad } from '../support/request-load.ts'
import { bin } from '../support/run-callboard.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

/** Of clients: an answer that comes late on a busy machine is no failure. */
const PATIENCE_MS = 60_000

/** The real program, with words of our own before it: `onTake` runs when it is handed all, before it looks at it. */
function program(broker: Callboard, name: string, { first = '', onTake = '' }): string[] {
  const path = join(broker.home, `${name}.mjs`)
  writeFileSync(path, `const hold = ms => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)\n${first}\nprocess.on('message', ({ type }) => { if (type === 'take') { ${onTake} } })`)
  return [process.execPath, '--import', path, bin]
}

async function start(t: Teardown, config?: string): Promise<{ broker: Callboard; admin: Client }> {
  const broker = await startCallboard(t, config === undefined ? {} : { config })
  endHolder(t, broker.home)
  const admin = await connect({ home: broker.home, socket: broker.started.socket, agent: false, requestTimeoutMs: PATIENCE_MS, retry: false })
  t.teardown(() => admin.destroy())
  return { broker, admin }
}

async function newHolder(home: string, before: number): Promise<number> {
  while (holderOf(home) === before || !isRunning(holderOf(home))) await new Promise(resolve => setTimeout(resolve, 10))
  return holderOf(home)
}

test('upgrade: when the old broker is killed after it has handed all over, the new one serves, with the sessions', async t => {
  const { broker, admin } = await start(t)
  const { socket, pid } = broker.started
  const load = await RequestLoad.start(t, [{ home: broker.home, socket }])
  await load.more(200)
  const killed = once(broker.process, 'exit')
  void errorCode(admin.call('upgrade', { program: program(broker, 'killer', { onTake: 'process.kill(process.ppid, "SIGKILL")' }) }, { timeoutMs: PATIENCE_MS }))
  t.deepEqual(await killed, [null, 'SIGKILL'])
  t.not(await newHolder(broker.home, pid), pid)
  await load.more(200)
  const loaded = await load.end()
  t.deepEqual(loaded.failed, {})
  t.is(loaded.wrong, 0)
})

test('upgrade: when the old broker is killed before it hands anything over, the new one serves, as after any kill', async t => {
  const { broker, admin } = await start(t)
  const { socket, pid } = broker.started
  const client = await connect({ home: broker.home, socket, agent: false, requestTimeoutMs: PATIENCE_MS, retry: { maxRetries: Infinity } })
  t.teardown(() => client.destroy())
  void errorCode(admin.call('upgrade', { program: program(broker, 'early', { first: 'process.kill(process.ppid, "SIGKILL")' }) }, { timeoutMs: PATIENCE_MS }))
  const successor = await newHolder(broker.home, pid)
  t.not(successor, pid)
  for (;;) {
    const answer = await client.call('status').catch(() => undefined)
    if (answer === undefined) continue
    t.is(answer.pid, successor)
    break
  }
})

test('upgrade: a second start while it is under way leaves with exit 3, whoever of the two has the home', async t => {
  const { broker, admin } = await start(t)
  const { pid } = broker.started
  const tried = join(broker.home, 'tried')
  // It takes over once somebody has tried to start, and a moment later, in which the next one does.
  const first = `import { existsSync } from 'node:fs'`
  const onTake = `while (!existsSync(${JSON.stringify(tried)})) hold(10); hold(1000)`
  const upgrading = admin.call('upgrade', { program: program(broker, 'slow', { first, onTake }) }, { timeoutMs: PATIENCE_MS })
  const codes: (number | string)[] = []
  let isOver = false
  const starting = (async () => {
    while (!codes.includes('over')) {
      const { exit, stderr } = await broker.run('start')
      t.is(exit, 3, stderr)
      codes.push(isOver ? 'over' : exit)
      writeFileSync(tried, '')
    }
  })()
  const { pid: successor } = await upgrading
  isOver = true
  await starting
  t.true(codes.length > 1)
  t.not(successor, pid)
  t.is(holderOf(broker.home), successor)
})

test('upgrade: who stops the broker while it is under way stops it, whichever of the two processes has the home', async t => {
  const { broker, admin } = await start(t)
  const { pid } = broker.started
  const end = once(broker.process, 'exit')
  void errorCode(admin.call('upgrade', { program: program(broker, 'slow', { onTake: 'setTimeout(() => {}, 0)' }) }, { timeoutMs: PATIENCE_MS }))
  // As soon as the next one has the home: it has not begun to hear signals then.
  const successor = await newHolder(broker.home, pid)
  process.kill(successor, 'SIGTERM')
  t.deepEqual((await end)[0], 0)
  while (isRunning(successor)) await new Promise(resolve => setTimeout(resolve, 10))
  t.is(await errorCode(connect({ home: broker.home, socket: broker.started.socket, agent: false, retry: false })), 'connect.no_socket')
})

test('upgrade: agents are not changed while it is under way, and it does not begin while one is changed', async t => {
  const home = temporaryDirectory(t)
  const config = join(home, 'agents.json')
  // Each goes on until this test says so, or is over.
  const [leave, fail] = [join(home, 'leave'), join(home, 'fail')]
  writeFileSync(config, JSON.stringify({ agents: [{ name: 'deaf', command: 'sh', args: ['-c', `trap "" TERM; until rm ${leave} 2> /dev/null || ! test -d ${home}; do sleep 0.05; done`], shutdown: '1m' }] }))
  const { broker, admin } = await start(t, config)
  const path = join(home, 'failing.mjs')
  writeFileSync(path, `import { existsSync } from 'node:fs'\nsetInterval(() => existsSync(${JSON.stringify(fail)}) && process.exit(7), 20)`)
  const failing = [process.execPath, path]
  const restarting = admin.call('agent.restart', { name: 'deaf' })
  t.is(await errorCode(admin.call('agent.restart', { name: 'deaf' })), 'agent.busy')
  const busy = await t.throwsAsync(admin.call('upgrade', { program: failing }))
  t.regex(busy.message, /^upgrade\.busy: .*"deaf" is in the middle of a change \(restart\)/)
  writeFileSync(leave, '')
  await restarting
  const upgrading = errorCode(admin.call('upgrade', { program: failing }, { timeoutMs: PATIENCE_MS }))
  const other = await connect({ home: broker.home, socket: broker.started.socket, agent: false, requestTimeoutMs: PATIENCE_MS })
  t.is(await errorCode(other.call('agent.scale', { name: 'deaf', instances: 2 })), 'agent.busy')
  t.is(await errorCode(other.call('agent.restart', { name: 'deaf' })), 'agent.busy')
  writeFileSync(fail, '')
  t.is(await upgrading, 'upgrade.failed')
  writeFileSync(leave, '')
  t.is((await other.call('agent.restart', { name: 'deaf' })).phase, 'run')
  await other.close()
})

test('upgrade: signals to the process that a shell knows reach the next one at once, also while agents of the first one end', async t => {
  const home = temporaryDirectory(t)
  const config = join(home, 'agents.json')
  writeFileSync(config, JSON.stringify({ agents: [{ name: 'deaf', command: 'sh', args: ['-c', 'trap "" TERM; while :; do sleep 1; done'], shutdown: '1s' }] }))
  const { broker, admin } = await start(t, config)
  const { pid: successor } = await admin.call('upgrade', {}, { timeoutMs: PATIENCE_MS })
  const end = once(broker.process, 'exit')
  broker.process.kill('SIGTERM')
  t.deepEqual(await end, [0, null])
  t.false(isRunning(successor))
})

test('upgrade: when the new broker is killed after its agents have started, those end, and the ones of the old broker go on', async t => {
  const config = join(temporaryDirectory(t), 'agents.json')
  writeFileSync(config, JSON.stringify({ agents: [{ name: 'sleeper', command: 'sleep', args: ['1000'] }] }))
  const { broker, admin } = await start(t, config)
  const register = join(broker.home, 'agents.json')
  const registered = () => JSON.parse(readFileSync(register, 'utf8')) as { pid: number }[]
  await until(() => existsSync(register) && registered().length === 1)
  const [own] = registered()
  // Its end is not that of the broker where the test ends that.
  t.teardown(() => signalGroup(own!.pid, 'SIGKILL'))
  // Just before it says that it serves, as soon as its agent runs.
  const seen = join(broker.home, 'seen.json')
  const first = `import { copyFileSync, readFileSync } from 'node:fs'
const send = process.send.bind(process)
const look = () => {
  if (JSON.parse(readFileSync(${JSON.stringify(register)}, 'utf8')).length < 2) return setTimeout(look, 10)
  copyFileSync(${JSON.stringify(register)}, ${JSON.stringify(seen)})
  process.kill(process.pid, 'SIGKILL')
}
process.send = (message, ...more) => message.type === 'serving' ? look() : send(message, ...more)`
  t.is(await errorCode(admin.call('upgrade', { program: program(broker, 'killed', { first }) }, { timeoutMs: PATIENCE_MS })), 'upgrade.failed')
  const others = (JSON.parse(readFileSync(seen, 'utf8')) as { pid: number }[]).filter(({ pid }) => pid !== own!.pid)
  t.is(others.length, 1)
  t.teardown(() => signalGroup(others[0]!.pid, 'SIGKILL'))
  // One that nobody collects does not run either.
  t.is(processStamp(others[0]!.pid), undefined)
  t.truthy(processStamp(own!.pid))
  t.deepEqual(registered().map(({ pid }) => pid), [own!.pid])
  t.is((await admin.call('status')).pid, broker.started.pid)
})

test('upgrade: where it fails after the next broker has opened the FIFOs, programs find them served by the one that goes on', async t => {
  const home = temporaryDirectory(t)
  const config = join(home, 'fifos.json')
  writeFileSync(config, JSON.stringify({ fifos: [{ name: 'scale' }] }))
  const { broker, admin } = await start(t, config)
  // It ends when it says that it serves.
  const first = `const send = process.send.bind(process); process.send = (message, ...more) => message.type === 'serving' ? process.kill(process.pid, 'SIGKILL') : send(message, ...more)`
  const inode = statSync(join(broker.home, 'scale.in')).ino
  t.is(await errorCode(admin.call('upgrade', { program: program(broker, 'late', { first }) }, { timeoutMs: PATIENCE_MS })), 'upgrade.failed')
  t.is(statSync(join(broker.home, 'scale.in')).ino, inode, 'who has them open goes on')
  const script = `echo '{"type":"ping","id":"1"}' > scale.in; read line < scale.out; echo "$line"`
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: broker.home, timeout: 30_000 })
  t.is((JSON.parse(stdout) as { ref: string }).ref, '1')
})

test('upgrade: in the foreground too the token of an agent that the next broker does not start lets nobody in once its process has ended', async t => {
  const config = join(temporaryDirectory(t), 'agents.json')
  // Started by hand here, and at New Year otherwise.
  writeFileSync(config, JSON.stringify({ agents: [{ name: 'yearly', command: 'sleep', args: ['1000'], restart: 'temporary', schedule: '0 0 1 1 *' }] }))
  const { broker, admin } = await start(t, config)
  const { pid } = await admin.call('agent.restart', { name: 'yearly' })
  const [, token] = /(?:^|\0)CALLBOARD_TOKEN=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, 'latin1'))!
  const enter = async (): Promise<string> => errorCode(connect({ home: broker.home, socket: broker.started.socket, agent: false, principal: 'agent:yearly', token: token!, retry: false }).then(client => client.close()))
  t.is(await enter(), 'resolved')
  await admin.call('upgrade', {}, { timeoutMs: PATIENCE_MS })
  while (isRunning(pid!)) await new Promise(resolve => setTimeout(resolve, 10))
  while ((await enter()) === 'resolved') await new Promise(resolve => setTimeout(resolve, 10))
  t.is(await enter(), 'auth.failed')
  t.true(isRunning(broker.started.pid))
})

test('upgrade: a program that has the FIFOs open is told of it, goes on with them, and loses no line', async t => {
  const home = temporaryDirectory(t)
  const config = join(home, 'fifos.json')
  writeFileSync(config, JSON.stringify({ fifos: [{ name: 'scale' }] }))
  const { broker, admin } = await start(t, config)
  const client = await connect({ home: broker.home, socket: broker.started.socket, agent: false, requestTimeoutMs: PATIENCE_MS })
  t.teardown(() => client.destroy())
  const got: unknown[] = []
  await client.subscribe('weight', { onMessage: ({ value }) => void got.push(value) }).ready
  const input = openSync(join(broker.home, 'scale.in'), 'w')
  const output = openSync(join(broker.home, 'scale.out'), constants.O_RDONLY | constants.O_NONBLOCK)
  t.teardown(() => [input, output].forEach(fd => closeSync(fd)))
  let said = 0
  const say = (): void => void writeSync(input, `${JSON.stringify({ type: 'event', subject: 'weight', payload: said++ })}\n`)
  say()
  await until(() => got.length === 1)
  const upgrading = admin.call('upgrade', {}, { timeoutMs: PATIENCE_MS })
  let isOver = false
  await Promise.all([
    upgrading.finally(() => (isOver = true)),
    until(() => {
      say()
      return isOver
    }),
  ])
  say()
  await until(() => got.length === said, () => [got.length, said])
  t.deepEqual(got, Array.from({ length: said }, (_, i) => i))
  const chunk = Buffer.alloc(65_536)
  t.regex(chunk.toString('utf8', 0, readSync(output, chunk)), /"type":"goodbye".*connection\.draining/)
})
