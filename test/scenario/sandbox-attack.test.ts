// Agents attack their broker, their neighbours and their host; what a sandbox refuses, it refuses here.

import { chownSync, mkdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { namespaceNames, planOf } from '../../agents/sandbox/plan.ts'
import { homePaths } from '../../broker/ground/home.ts'
import { noSandbox, type SandboxReport, type SandboxSettings } from '../../broker/ground/sandbox.ts'
import type { AgentInfo } from '../../client/index.ts'
import { libc } from '../../native/linux/libc.ts'
import { startAgent } from '../support/agent-process.ts'
import { startBroker, startBrokerProcess, type LocalBroker } from '../support/broker.ts'
import type { Targets } from '../support/attacking-agent.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { asOrdinaryUser, ORDINARY_USER, sandboxTest } from '../support/sandbox-features.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const root = join(import.meta.dirname, '../..')
const script = join(root, 'test/support/attacking-agent.ts')
const sources = [root, realpathSync(join(root, 'node_modules'))]
const IPC_CREATE = 0o1000
const IPC_REMOVE = 0
const LANDLOCK = 'Landlock that knows signals (Linux 6.12)'

interface Field {
  readonly directory: string
  readonly writable: string
  readonly targets: Targets
  readonly visits: () => number
}

/** Something to attack: a file that every process of this user can read, and a listener. */
async function field(t: ExecutionContext, broker = process.pid): Promise<Field> {
  const directory = temporaryDirectory(t)
  const [secretFile, writable] = [join(directory, 'secret'), join(directory, 'writable')]
  writeFileSync(secretFile, 'x')
  mkdirSync(writable)
  let visits = 0
  // Visitors are counted: nobody may come who knew somebody else at that port.
  const port = await reservedPort(t)
  const server = createServer(socket => { visits++; socket.destroy() }).listen(port, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const sharedMemory = shareMemory(t)
  return { directory, writable, targets: { sharedMemory, broker, neighbour: process.pid, secretFile, writable, port }, visits: () => visits }
}

/** A page of System V's, as databases have them; its key. */
function shareMemory(t: ExecutionContext): number {
  const [get, control] = process.arch === 'x64' ? [29, 31] : [194, 195]
  const key = randomInt(1, 2 ** 31)
  const id = libc().call('shmget', get, key, 4096, IPC_CREATE | 0o600)
  t.teardown(() => libc().call('shmctl', control, id, IPC_REMOVE, null))
  return key
}

function attacker(name: string, targets: Targets, attacks: readonly string[], sandbox: object): object {
  return { name, command: 'node', args: [script, JSON.stringify(targets), ...attacks], restart: 'temporary', sandbox: { ...sandbox, files: { read: sources, write: [targets.writable] } } }
}

async function outcomes(broker: LocalBroker, agent: string): Promise<Record<string, string>> {
  const find = () => broker.log.records.find(({ text, fields }) => text === 'attacked' && fields['actor'] === `agent.${agent}`)
  await until(() => find() !== undefined)
  return find()!.fields['outcomes'] as Record<string, string>
}

const reaching = [
  'read a file', 'read the token', 'write beside it', 'write where it may', 'connect', 'listen', 'send a datagram', 'signal the broker', 'signal a neighbour',
  'trace the broker', 'limit the broker', 'put the broker behind', 'open a file to others', 'make a file older', 'share memory by number', 'read the broker\'s environment', 'read a neighbour\'s environment', 'make a user namespace', 'make calls through a ring',
]
const refusedFrom = { files: ['EACCES', 'EROFS', 'ENOENT'], sockets: ['EAFNOSUPPORT'], processes: ['EPERM', 'ESRCH'], others: ['EACCES', 'ENOENT', 'EPERM'], calls: [': EPERM'] }
const refusals: Readonly<Record<string, readonly string[]>> = {
  'read a file': refusedFrom.files,
  'read the token': ['EACCES'],
  'write beside it': refusedFrom.files,
  'write where it may': ['done'],
  'connect': refusedFrom.sockets,
  'listen': refusedFrom.sockets,
  'send a datagram': refusedFrom.sockets,
  'signal the broker': refusedFrom.processes,
  'signal a neighbour': refusedFrom.processes,
  'trace the broker': refusedFrom.calls,
  'limit the broker': refusedFrom.calls,
  'put the broker behind': ['ERR_SYSTEM_ERROR'],
  'open a file to others': ['EPERM', ...refusedFrom.files],
  'make a file older': ['EPERM', ...refusedFrom.files],
  'share memory by number': [': EPERM', ': ENOENT'],
  'read the broker\'s environment': refusedFrom.others,
  'read a neighbour\'s environment': refusedFrom.others,
  'make a user namespace': refusedFrom.calls,
  'make calls through a ring': refusedFrom.calls,
}

/** What the agent's supervisor says of its end. */
async function crash({ log }: LocalBroker, agent: string): Promise<string> {
  const find = () => log.records.find(({ text, fields }) => text === 'child crashed' && fields['child'] === `agent.${agent}`)
  await until(() => find() !== undefined)
  return (find()!.fields['error'] as Error).message
}

async function agentInfo(broker: LocalBroker, name: string): Promise<AgentInfo> {
  const client = await broker.connect()
  return (await client.call('agents')).agents.find(agent => agent.name === name)!
}

test('sandbox: without one, the attacks of these tests come through', async t => {
  const { targets, visits } = await field(t)
  // But for what needs a debugger's rights over a process that is not its own, which depends on the system.
  const attacks = ['read a file', 'read the token', 'write beside it', 'write where it may', 'connect', 'listen', 'send a datagram', 'signal the broker', 'limit the broker', 'put the broker behind', 'open a file to others', 'make a file older', 'share memory by number', 'take all processors', 'open files']
  const broker = await startBroker(t, { config: { agents: [attacker('free', targets, attacks, { level: 'none' })] } })
  const { 'take all processors': processors, ...found } = await outcomes(broker, 'free')
  t.true(processors === 'done' || processors === 'ONE')
  t.deepEqual(new Set(Object.values(found)), new Set(['done']))
  t.is(visits(), 1)
  t.is((await agentInfo(broker, 'free')).sandbox, undefined)
})

function holdsAgainst(t: ExecutionContext, { targets, visits }: Field, found: Readonly<Record<string, string>>): void {
  for (const [attack, allowed] of Object.entries(refusals)) t.true(allowed.some(end => found[attack] === end || (end.startsWith(':') && found[attack]?.endsWith(end))), `${attack}: ${found[attack]}`)
  t.is(visits(), 0)
  t.is(readFileSync(join(targets.writable!, 'new'), 'utf8'), 'x')
}

for (const [level, needs] of [['restricted', []], ['isolated', ['namespaces by unshare']]] as const) {
  sandboxTest(`sandbox: ${level}, an agent reaches no file, socket, process or call that it was not given`, [LANDLOCK, ...needs], async t => {
    const ground = await field(t)
    const broker = await startBroker(t, { config: { agents: [attacker('bad', ground.targets, reaching, { level })] } })
    holdsAgainst(t, ground, await outcomes(broker, 'bad'))
    const { sandbox, pid } = await agentInfo(broker, 'bad')
    t.like(sandbox, { asked: level, achieved: level, missing: [] } satisfies Partial<SandboxReport>)
    t.regex(readFileSync(`/proc/${pid}/cmdline`, 'latin1'), /attacking-agent/, 'its own pid is told, not that of a program around it')
    const differing = namespaceNames.filter(name => readlinkSync(`/proc/${pid}/ns/${name}`) !== readlinkSync(`/proc/self/ns/${name}`))
    t.deepEqual(differing, level === 'isolated' ? [...namespaceNames] : [])
  })
}

sandboxTest('sandbox: isolated by bubblewrap, the same', [LANDLOCK, 'namespaces by bubblewrap'], async t => {
  const ground = await field(t)
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'token'), 'x')
  const settings: SandboxSettings = { ...noSandbox, level: 'isolated', files: { read: sources, write: [ground.writable] } }
  const { agent, log } = await startAgent(t, {
    args: [script, JSON.stringify(ground.targets), ...reaching],
    environment: { CALLBOARD_HOME: home, CALLBOARD_SOCKET: join(home, 'socket') },
    sandbox: launch => planOf('tested', launch, settings, home, { kind: 'bubblewrap' }),
  })
  holdsAgainst(t, ground, (await log.logged(/^attacked$/)).fields['outcomes'] as Record<string, string>)
  t.like(agent.sandbox, { achieved: 'isolated', missing: [] } satisfies Partial<SandboxReport>)
})

sandboxTest('sandbox: a neighbour that is confined as well is out of reach', [LANDLOCK], async t => {
  const { targets } = await field(t)
  const broker = await startBroker(t, { config: { agents: [attacker('quiet', targets, [], { level: 'restricted' })] } })
  await outcomes(broker, 'quiet')
  const neighbour = (await agentInfo(broker, 'quiet')).pid!
  const home = temporaryDirectory(t)
  const settings: SandboxSettings = { ...noSandbox, level: 'restricted', files: { read: sources, write: [] } }
  const { log } = await startAgent(t, {
    args: [script, JSON.stringify({ ...targets, neighbour }), 'signal a neighbour', 'read a neighbour\'s environment'],
    environment: { CALLBOARD_HOME: home, CALLBOARD_SOCKET: join(home, 'socket') },
    sandbox: launch => planOf('tested', launch, settings, home, { kind: 'none' }),
  })
  t.deepEqual((await log.logged(/^attacked$/)).fields['outcomes'], { 'signal a neighbour': 'EPERM', 'read a neighbour\'s environment': 'EACCES' })
})

sandboxTest('sandbox: with a list of ports, no other is reached, however it is tried', [LANDLOCK], async t => {
  const { targets, visits } = await field(t)
  const broker = await startBroker(t, { config: { agents: [attacker('caller', targets, ['connect', 'listen', 'connect by sending', 'listen on any port'], { level: 'restricted', network: ['connect:1'] })] } })
  const { 'connect by sending': sent, 'listen on any port': listened, ...others } = await outcomes(broker, 'caller')
  t.deepEqual(others, { connect: 'EACCES', listen: 'EACCES' })
  // Node's name for EOPNOTSUPP: they are one number.
  t.deepEqual([sent, listened], ['sendto: ENOTSUP', 'listen: EPERM'])
  t.is(visits(), 0)
})

sandboxTest('sandbox: memory, files and processors are limited, and what takes more is refused', [LANDLOCK], async t => {
  const { targets } = await field(t)
  const sandbox = { level: 'restricted', memory: '200mb', openFiles: 100, fileSize: '1mb', cpu: 1, controlGroups: false }
  const broker = await startBroker(t, { config: { agents: [attacker('greedy', targets, ['take memory', 'take memory as a stack', 'raise its stack', 'open files', 'write a large file', 'take all processors'], sandbox)] } })
  const { 'take memory as a stack': mapped, 'raise its stack': raised, ...others } = await outcomes(broker, 'greedy')
  t.regex(mapped!, /EPERM$/)
  t.regex(raised!, /EPERM$/)
  t.deepEqual(others, { 'take memory': 'ERR_MEMORY_ALLOCATION_FAILED', 'open files': 'EMFILE', 'write a large file': 'EFBIG', 'take all processors': 'ONE' })
  t.deepEqual(Object.keys((await agentInfo(broker, 'greedy')).sandbox!.parts).filter(part => ['memory', 'openFiles', 'fileSize', 'cpu'].includes(part)).toSorted(), ['cpu', 'fileSize', 'memory', 'openFiles'])
})

test('sandbox: an agent that burns its processor time is ended, and its end says by what', async t => {
  const { targets } = await field(t)
  const broker = await startBroker(t, { config: { agents: [attacker('hot', targets, ['burn'], { level: 'limits', cpuTime: '1s' })] } })
  const { fields } = await broker.log.logged(/^exited$/)
  t.is(fields['signal'], 'SIGXCPU')
  const client = await broker.connect()
  await until(async () => (await client.call('agent.crashes', { name: 'hot' })).crashes.length > 0)
  const [crash] = (await client.call('agent.crashes', { name: 'hot' })).crashes
  t.like(crash, { signal: 'SIGXCPU', core: false, limits: [{ limit: 'cpuTime', evidence: 'SIGXCPU' }] })
})

sandboxTest('sandbox: a fork bomb is contained, by an ordinary user', [LANDLOCK, 'a user namespace of an ordinary user, who can read this checkout'], async t => {
  const { targets, directory } = await field(t)
  const home = temporaryDirectory(t)
  const config = { agents: [attacker('bomb', targets, ['start processes'], { level: 'restricted', processes: 40 })] }
  writeFileSync(join(home, 'config.json'), JSON.stringify(config))
  if (asOrdinaryUser().length > 0) for (const path of [home, directory, targets.writable!]) chownSync(path, ORDINARY_USER, ORDINARY_USER)
  const broker = await startBrokerProcess(t, { home, through: asOrdinaryUser() })
  const attacked = (): string | undefined => readFileSync(homePaths(home).log, 'utf8').split('\n').find(line => line.includes('"attacked"'))
  await until(() => attacked() !== undefined)
  t.like(JSON.parse(attacked()!), { outcomes: { 'start processes': 'EAGAIN' } })
  await broker.end('SIGTERM')
})

test('sandbox: a level that cannot be reached is an error that names what is missing, unless weaker ones are allowed', async t => {
  // Missing everywhere: a loopback of one's own takes a network namespace.
  const { targets } = await field(t)
  const asked = { level: 'restricted', network: 'loopback' }
  const strict = attacker('strict', targets, [], asked)
  const lenient = attacker('lenient', targets, [], { ...asked, allowWeaker: true })
  const broker = await startBroker(t, { config: { agents: [strict, lenient] } })
  await outcomes(broker, 'lenient')
  const { sandbox } = await agentInfo(broker, 'lenient')
  t.is(sandbox!.achieved, 'limits')
  t.regex(sandbox!.missing.join(), /network: loopback needs a network namespace/)
  t.truthy(broker.log.records.find(({ text, level }) => level === 'warn' && /less of a sandbox/.test(text)))
  t.regex(await crash(broker, 'strict'), /^sandbox\.unavailable.*level restricted.*network: loopback needs a network namespace.*allowWeaker/)
  t.is((await agentInfo(broker, 'strict')).pid, undefined)
})

for (const [level, refusal, needs] of [['restricted', 'EACCES', []], ['isolated', 'ENOENT', ['namespaces by unshare']]] as const) {
  sandboxTest(`sandbox: ${level}, an agent that starts beside the configuration reads what lies there, but neither it nor the files of tokens and keys`, [LANDLOCK, ...needs], async t => {
    const { directory, targets } = await field(t)
    const configFile = join(directory, 'callboard.json')
    const reading = (name: string, file: string): object => attacker(name, { ...targets, secretFile: join(directory, file) }, ['read a file'], { level })
    const agents = [reading('curious', 'callboard.json'), reading('thief', 'app.token'), reading('honest', 'secret')]
    writeFileSync(join(directory, 'app.token'), 'a-token-of-some-length\n', { mode: 0o600 })
    writeFileSync(configFile, JSON.stringify({ agents, principals: [{ name: 'app', roles: ['client'], tokenFile: 'app.token' }] }))
    const broker = await startBroker(t, { configFile })
    t.deepEqual(await outcomes(broker, 'curious'), { 'read a file': refusal })
    t.deepEqual(await outcomes(broker, 'thief'), { 'read a file': refusal })
    t.deepEqual(await outcomes(broker, 'honest'), { 'read a file': 'done' })
  })
}

test('sandbox: the broker\'s home cannot be given away by a directory around it', async t => {
  const home = temporaryDirectory(t)
  const broker = await startBroker(t, { home, config: { agents: [{ name: 'lamp', command: 'sleep', args: ['1000'], restart: 'temporary', sandbox: { level: 'restricted', files: { read: [join(home, '..')] } } }] } })
  t.regex(await crash(broker, 'lamp'), /^sandbox\.invalid.*holds the broker's home/)
})
