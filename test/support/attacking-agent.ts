// An agent that tries what none should get away with, each attack bounded, and says in its output what came of it.
// Usage: node attacking-agent.ts '{"broker": PID, "secretFile": PATH, "port": TCP PORT, …}' ATTACK…

/* oxlint-disable no-console -- what it prints is what tests look for in the broker's log */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, closeSync, openSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { availableParallelism, getPriority, setPriority } from 'node:os'
import { join } from 'node:path'
import { createSocket } from 'node:dgram'
import { libc, words64 } from '../../native/linux/libc.ts'

export interface Targets {
  readonly broker: number
  /** Another agent of the broker. */
  readonly neighbour: number
  readonly secretFile: string
  /** A directory that may be written; undefined: none. */
  readonly writable?: string
  /** Where somebody listens. */
  readonly port: number
  /** Key of System V shared memory that another process has made. */
  readonly sharedMemory: number
}

const PTRACE_SEIZE = 0x4206
const CLONE_NEWUSER = 0x1000_0000
const RLIMIT_STACK = 3
const PROT_READ_WRITE = 3
const MAP_PRIVATE_STACK = 0x122
const AF_INET = 2
const SOCK_STREAM = 1
const MSG_FASTOPEN = 0x2000_0000
const MIB = 1024 * 1024
const LARGE_STACK_BYTES = 1024 * MIB
/** Never more than this, however unlimited the agent is. */
const MOST_MEMORY_MIB = 600
const MOST_CHILDREN = 60
const MOST_FILES = 200

const [given = '{}', ...names] = process.argv.slice(2)
const targets = JSON.parse(given) as Targets
const home = process.env['CALLBOARD_HOME']!

const attacks: Readonly<Record<string, () => unknown>> = {
  'read a file': () => readFileSync(targets.secretFile),
  'read the token': () => readFileSync(join(home, 'token')),
  'write beside it': () => writeFileSync(`${targets.secretFile}.new`, 'x'),
  'write where it may': () => writeFileSync(join(targets.writable!, 'new'), 'x'),
  'connect': () => tcp(targets.port),
  'listen': () => listen(),
  'connect by sending': () => connectBySending(targets.port),
  'listen on any port': () => listenUnbound(),
  'send a datagram': () => datagram(targets.port),
  'signal the broker': () => process.kill(targets.broker, 0),
  'signal a neighbour': () => process.kill(targets.neighbour, 0),
  'trace the broker': () => libc().call('ptrace', process.arch === 'x64' ? 101 : 117, PTRACE_SEIZE, targets.broker, 0, 0),
  'read the broker\'s environment': () => readFileSync(`/proc/${targets.broker}/environ`),
  'read a neighbour\'s environment': () => readFileSync(`/proc/${targets.neighbour}/environ`),
  'limit the broker': () => libc().call('prlimit64', process.arch === 'x64' ? 302 : 261, targets.broker, 0, null, new Uint8Array(16)),
  'put the broker behind': () => setPriority(targets.broker, getPriority(targets.broker)),
  'open a file to others': () => chmodSync(targets.secretFile, 0o644),
  'make a file older': () => utimesSync(targets.secretFile, 1, 1),
  'share memory by number': () => libc().call('shmget', process.arch === 'x64' ? 29 : 194, targets.sharedMemory, 0, 0),
  'make a user namespace': () => libc().call('unshare', process.arch === 'x64' ? 272 : 97, CLONE_NEWUSER),
  'make calls through a ring': () => libc().call('io_uring_setup', 425, 1, new Uint8Array(120)),
  'take all processors': () => (availableParallelism() > 1 ? 'done' : fail('ONE')),
  'start processes': () => fork(),
  'take memory': () => takeMemory(),
  'take memory as a stack': () => mapStack(),
  'raise its stack': () => libc().call('prlimit64', process.arch === 'x64' ? 302 : 261, 0, RLIMIT_STACK, words64(LARGE_STACK_BYTES, LARGE_STACK_BYTES), null),
  'open files': () => openFiles(),
  'write a large file': () => writeFileSync(join(targets.writable!, 'large'), Buffer.alloc(3 * MIB)),
  'burn': () => burn(),
}

function fail(code: string): never {
  throw Object.assign(new Error(code), { code })
}

async function tcp(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
  } finally {
    socket.destroy()
  }
}

async function listen(): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.close()
}

function streamSocket(): number {
  return libc().call('socket', process.arch === 'x64' ? 41 : 198, AF_INET, SOCK_STREAM, 0)
}

// TCP Fast Open: there is no connect(2).
function connectBySending(port: number): void {
  const address = Buffer.from([AF_INET, 0, port >> 8, port & 0xff, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  const socket = streamSocket()
  try {
    libc().call('sendto', process.arch === 'x64' ? 44 : 206, socket, new Uint8Array(1), 1, MSG_FASTOPEN, address, address.length)
  } finally {
    closeSync(socket)
  }
}

// There is no bind(2) either: the system picks a port.
function listenUnbound(): void {
  const socket = streamSocket()
  try {
    libc().call('listen', process.arch === 'x64' ? 50 : 201, socket, 1)
  } finally {
    closeSync(socket)
  }
}

async function datagram(port: number): Promise<void> {
  const socket = createSocket('udp4')
  const failed = once(socket, 'error').then(([error]) => { throw error as Error })
  const sent = new Promise<void>((resolve, reject) => socket.send('x', port, '127.0.0.1', error => (error === null ? resolve() : reject(error))))
  await Promise.race([sent, failed])
  socket.close()
}

async function fork(): Promise<void> {
  const children: ChildProcess[] = []
  try {
    for (let count = 0; count < MOST_CHILDREN; count++) {
      const child = spawn('/bin/sleep', ['30'], { stdio: 'ignore' })
      children.push(child)
      const error = await new Promise<Error | undefined>(resolve => child.once('spawn', () => resolve(undefined)).once('error', resolve))
      if (error !== undefined) throw error
    }
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
}

function takeMemory(): void {
  const taken: Buffer[] = []
  for (let mib = 0; mib < MOST_MEMORY_MIB; mib += 20) taken.push(Buffer.alloc(20 * MIB, 1))
}

// Of private memory that grows downwards; nothing of it is touched.
function mapStack(): void {
  libc().call('mmap', process.arch === 'x64' ? 9 : 222, 0, MOST_MEMORY_MIB * MIB, PROT_READ_WRITE, MAP_PRIVATE_STACK, -1, 0)
}

function openFiles(): void {
  const open: number[] = []
  try {
    for (let count = 0; count < MOST_FILES; count++) open.push(openSync('/dev/null', 'r'))
  } finally {
    for (const fd of open) closeSync(fd)
  }
}

// Ends by itself: where nothing limits it, after 5 s.
function burn(): void {
  const end = process.cpuUsage().user + 5_000_000
  while (process.cpuUsage().user < end);
}

const outcomes: Record<string, string> = {}
for (const name of names) {
  try {
    await attacks[name]!()
    outcomes[name] = 'done'
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    outcomes[name] = code ?? message
  }
}
console.log(JSON.stringify({ msg: 'attacked', outcomes }))
// Stays, so that it is no crash; ends when the broker does.
process.stdin.on('end', () => process.exit(0)).resume()
