import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import test from 'ava'
import { homesOfProcesses, homesOfSockets } from '../../../cli/mac/own-processes.ts'
import { bindUnix } from '../../../transports/unix/bind.ts'
import { startCallboard } from '../../support/callboard.ts'
import { recordedLog } from '../../support/recorded-log.ts'
import { temporaryDirectory, type Teardown } from '../../support/temporary-directory.ts'

interface Process {
  readonly words: readonly string[]
  readonly env?: readonly string[]
}

/** A directory that looks like /proc of a machine with these processes, pids from 1, all at work in /srv. */
function procOf(t: Teardown, processes: readonly Process[]): string {
  const proc = temporaryDirectory(t)
  for (const [index, { words, env = [] }] of processes.entries()) {
    const directory = join(proc, String(index + 1))
    mkdirSync(directory)
    writeFileSync(join(directory, 'cmdline'), words.map(word => `${word}\0`).join(''))
    writeFileSync(join(directory, 'environ'), env.map(entry => `${entry}\0`).join(''))
    symlinkSync('/srv', join(directory, 'cwd'))
  }
  return proc
}

const starts: [title: string, process: Process, home: string | undefined][] = [
  ['--home', { words: ['node', '/opt/bin/callboard.mjs', '--home', '/srv/a', 'start'] }, '/srv/a'],
  ['--home=', { words: ['/usr/bin/callboard', 'start', '--home=/srv/b'] }, '/srv/b'],
  ['a relative home', { words: ['callboard', 'start', '--home', 'c'] }, '/srv/c'],
  ['CALLBOARD_HOME', { words: ['callboard', 'start'], env: ['CALLBOARD_HOME=/srv/d', 'HOME=/home/ada'] }, '/srv/d'],
  ['the user\'s home', { words: ['node', '/app/dist/cli/main.js', 'start'], env: ['HOME=/home/ada'] }, '/home/ada/.callboard'],
  ['an empty CALLBOARD_HOME', { words: ['callboard', 'start'], env: ['CALLBOARD_HOME=', 'HOME=/home/ada'] }, '/home/ada/.callboard'],
  ['another command', { words: ['callboard', 'status'], env: ['HOME=/home/ada'] }, undefined],
  ['another program', { words: ['vim', 'callboard.txt', 'start'], env: ['HOME=/home/ada'] }, undefined],
]

for (const [title, process, home] of starts) {
  test(`own processes: the home of a start by ${title}`, t => {
    t.deepEqual([...homesOfProcesses(procOf(t, [process]))], home === undefined ? [] : [{ home, by: 'process 1' }])
  })
}

test('own processes: whoever has a home in the environment points to it without being the broker', t => {
  const proc = procOf(t, [{ words: ['python3', 'agent.py'], env: ['HOME=/home/ada', 'CALLBOARD_HOME=/srv/e'] }])
  t.deepEqual([...homesOfProcesses(proc)], [{ home: '/srv/e', by: 'the environment of a process' }])
})

test('own processes: a process that ends meanwhile, and files beside the processes, are passed over', t => {
  const proc = procOf(t, [{ words: ['callboard', 'start', '--home', '/srv/a'] }])
  mkdirSync(join(proc, '999999'))
  mkdirSync(join(proc, 'sys'))
  t.deepEqual([...homesOfProcesses(proc)], [{ home: '/srv/a', by: 'process 1' }])
})

test('own processes: a system without /proc points to nothing', t => {
  const nowhere = join(temporaryDirectory(t), 'proc')
  t.deepEqual([...homesOfProcesses(nowhere), ...homesOfSockets(nowhere)], [])
})

test('own processes: sockets that listen under the broker\'s name are found, others are not', async t => {
  const home = temporaryDirectory(t)
  const socket = join(home, 'callboard.sock')
  const server = createServer().listen(socket)
  t.teardown(() => server.close())
  await once(server, 'listening')
  const proc = temporaryDirectory(t)
  mkdirSync(join(proc, 'net'))
  const line = (flags: string, path: string): string => `0000000000000000: 00000002 00000000 ${flags} 0001 01 12345${path}\n`
  const heading = 'Num       RefCount Protocol Flags    Type St Inode Path\n'
  writeFileSync(join(proc, 'net/unix'), heading + line('00010000', ` ${socket}`) + line('00000000', ` ${socket}`) + line('00010000', ` ${home}/other.sock`) + line('00010000', ' /gone/callboard.sock') + line('00000000', ''))
  t.deepEqual([...homesOfSockets(proc)], [{ home, by: 'its socket' }])
})

test('own processes: a socket that was bound under the name of a draft is the broker\'s where a socket of that name stands beside it', async t => {
  const [home, other] = [temporaryDirectory(t), temporaryDirectory(t)]
  const server = createServer()
  t.teardown(() => server.close())
  await bindUnix(server, join(home, 'callboard.sock'), 'socket', recordedLog())
  const proc = temporaryDirectory(t)
  mkdirSync(join(proc, 'net'))
  const bound = server.address() as string
  t.not(bound, join(home, 'callboard.sock'))
  writeFileSync(join(proc, 'net/unix'), [bound, join(home, 'drafts'), join(other, basename(bound))].map(path => `0000000000000000: 00000002 00000000 00010000 0001 01 12345 ${path}\n`).join(''))
  t.deepEqual([...homesOfSockets(proc)], [{ home, by: 'its socket' }])
})

test('own processes: a broker that runs is found on this system where there is a /proc', async t => {
  const { home, started } = await startCallboard(t)
  const isLinux = process.platform === 'linux'
  t.is([...homesOfProcesses()].some(named => named.home === home && named.by === `process ${started.pid}`), isLinux)
  t.is([...homesOfSockets()].some(named => named.home === home), isLinux)
})
