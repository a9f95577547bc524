import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import test, { type ExecutionContext } from 'ava'
import { findHolder, inheritHome, isAnswering, lockHome } from '../../../broker/ground/home-lock.ts'
import { prepareHome } from '../../../broker/ground/home.ts'
import { processStamp } from '../../../broker/ground/process-stamp.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const starter = new URL('../../support/lock-home.ts', import.meta.url).pathname

test('home lock: the first has it, the second is told the pid, after the release it is free', async t => {
  const paths = prepareHome(temporaryDirectory(t))
  const lock = await lockHome(paths)
  t.is(readFileSync(paths.pid, 'utf8').split('\n')[0], String(process.pid))
  await t.throwsAsync(lockHome(paths), { message: new RegExp(`held by process ${process.pid};`) })
  lock.release()
  t.false(existsSync(paths.pid))
  ;(await lockHome(paths)).release()
})

test('home lock: the pid file of a killed process does not hold', async t => {
  const paths = prepareHome(temporaryDirectory(t))
  const child = await startStarter(t, paths.home)
  child.process.stdin!.write('go\n')
  t.is(await child.line(), 'won')
  child.process.kill('SIGKILL')
  await once(child.process, 'exit')
  t.true(existsSync(paths.pid))
  t.is(await findHolder(paths), undefined)
  ;(await lockHome(paths)).release()
  t.deepEqual(readdirSync(paths.home), ['logs'])
})

test('home lock: a pid that another process got since does not hold', async t => {
  const paths = prepareHome(temporaryDirectory(t))
  writeFileSync(paths.pid, `${process.pid}\n${processStamp(process.pid)}0\n`)
  t.is(await findHolder(paths), undefined)
  ;(await lockHome(paths)).release()
})

test('home lock: a pid file with anything else in it does not hold', async t => {
  const paths = prepareHome(temporaryDirectory(t))
  for (const content of ['', '\n', 'not a pid\n', `${process.pid}`, '-1\n\n', '0\n\n']) {
    writeFileSync(paths.pid, content)
    t.is(await findHolder(paths), undefined, JSON.stringify(content))
    ;(await lockHome(paths)).release()
  }
})

test('home lock: a copy of the home is not held by who holds the home, which may be moved', async t => {
  const root = temporaryDirectory(t)
  const paths = prepareHome(join(root, 'home'))
  const lock = await lockHome(paths)
  cpSync(paths.home, join(root, 'copy'), { recursive: true })
  const copy = prepareHome(join(root, 'copy'))
  t.is(await findHolder(copy), undefined)
  ;(await lockHome(copy)).release()
  renameSync(paths.home, join(root, 'moved'))
  t.like(await findHolder(prepareHome(join(root, 'moved'))), { pid: process.pid })
  lock.release()
})

test('home lock: who answers on the socket holds the home, pid file or not', async t => {
  const paths = prepareHome(temporaryDirectory(t))
  const server = createServer().listen(paths.socket)
  t.teardown(() => server.close())
  await once(server, 'listening')
  t.deepEqual(await findHolder(paths), { pid: 0, socket: paths.socket })
  await t.throwsAsync(lockHome(paths), { message: /held by process unknown/ })
})

test('home lock: the holder says where it listens', async t => {
  const paths = prepareHome(temporaryDirectory(t))
  const lock = await lockHome(paths, '/elsewhere/callboard.sock')
  t.deepEqual(await findHolder(paths), { pid: process.pid, socket: '/elsewhere/callboard.sock' })
  lock.release()
})

test('home lock: a socket file that nobody serves, or no socket file, answers nothing', async t => {
  const paths = prepareHome(temporaryDirectory(t))
  t.false(await isAnswering(paths.socket))
  writeFileSync(paths.socket, '')
  t.false(await isAnswering(paths.socket))
})

for (const leftover of [false, true]) {
  test(`home lock: of several starters at once exactly one wins${leftover ? ', over a dead one\'s pid file too' : ''}`, async t => {
    const home = temporaryDirectory(t)
    const paths = prepareHome(home)
    const starters = await Promise.all(Array.from({ length: 4 }, () => startStarter(t, home)))
    if (leftover) writeFileSync(paths.pid, `${process.pid}\nnot this boot/1\n`)
    for (const each of starters) each.process.stdin!.write('go\n')
    const results = await Promise.all(starters.map(each => each.line()))
    const winner = starters[results.indexOf('won')]!
    t.deepEqual(results.toSorted(), [...Array<string>(3).fill(`broker.held ${winner.process.pid}`), 'won'])
    winner.process.stdin!.end()
    await once(winner.process, 'exit')
    t.deepEqual(readdirSync(home), ['logs'])
  })
}

test('home lock: within one process too, claims over a dead one leave one winner', async t => {
  for (let round = 0; round < 20; round++) {
    const paths = prepareHome(temporaryDirectory(t))
    writeFileSync(paths.pid, `999999\nnot this boot/${round}\n`)
    const claims = await Promise.allSettled([lockHome(paths), lockHome(paths), lockHome(paths)])
    t.is(claims.filter(claim => claim.status === 'fulfilled').length, 1)
  }
})

test('home lock: passed on, it is the next process\'s at once; taken back, this one\'s; a third one\'s is not passed on', async t => {
  const paths = prepareHome(temporaryDirectory(t))
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  t.teardown(() => other.kill('SIGKILL'))
  const lock = await lockHome(paths)
  const record = readFileSync(paths.pid, 'utf8')
  writeFileSync(paths.pid, record.replace(String(process.pid), String(other.pid)).replace(processStamp(process.pid)!, processStamp(other.pid!)!))
  t.is((await findHolder(paths))?.pid, other.pid)
  t.throws(() => inheritHome(paths, paths.socket, 1), { message: new RegExp(`broker\\.held.*${other.pid}`) })
  const inherited = inheritHome(paths, paths.socket, other.pid!)
  t.is((await findHolder(paths))?.pid, process.pid)
  writeFileSync(paths.pid, 'somebody else\n')
  inherited.release()
  t.is(readFileSync(paths.pid, 'utf8'), 'somebody else\n', 'what another one wrote stays')
  inherited.retake()
  t.is((await findHolder(paths))?.pid, process.pid)
  const { ino } = statSync(paths.pid)
  inherited.retake()
  t.is(statSync(paths.pid).ino, ino, 'what is its own already is not written anew')
  lock.release()
  t.false(existsSync(paths.pid))
})

async function startStarter(t: ExecutionContext, home: string): Promise<{ process: ChildProcess; line(): Promise<string> }> {
  const child = spawn(process.execPath, [starter, home], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const lines: Interface = createInterface({ input: child.stdout })
  const iterator = lines[Symbol.asyncIterator]()
  const line = async (): Promise<string> => String((await iterator.next()).value)
  t.is(await line(), 'ready')
  return { process: child, line }
}
