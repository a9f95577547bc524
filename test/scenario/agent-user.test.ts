// Agents that run as another user than the broker: who they are, what they reach, and who else reaches their socket. For these the tests run as root.

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type Implementation } from 'ava'
import { userPlace, userSecretFolder, userSocket } from '../../agents/runtime-place.ts'
import { findUser, type UnixUser } from '../../agents/unix-user.ts'
import { startBroker, startBrokerProcess, type BrokerAccess } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { runCallboard } from '../support/run-callboard.ts'
import { asOrdinaryUser, sandboxTest } from '../support/sandbox-features.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const obedient = join(import.meta.dirname, '../support/obedient-agent.ts')
const ROOT = process.getuid?.() === 0
const asRoot = (title: string, story: Implementation<[]>): void => (ROOT ? test(title, story) : test.skip(`${title} (left out: the tests do not run as root)`, story))

const sandboxed = (title: string, story: Implementation<[]>): void => (ROOT ? sandboxTest(title, ['Landlock that knows signals (Linux 6.12)', 'namespaces by unshare'], story) : asRoot(title, story))

/** Somebody who is in more than his main group, where this machine has such a one. */
function somebody(): { readonly user: UnixUser; readonly groups: readonly number[] } {
  const lines = readFileSync('/etc/group', 'utf8').split('\n').map(line => line.split(':'))
  const [, , gid, member = 'nobody'] = lines.find(([, , , members = '']) => members !== '' && !members.includes('root') && !members.includes(',')) ?? []
  const user = findUser(member, undefined)
  const groups = lines.filter(([, , , members = '']) => members.split(',').includes(member)).map(([, , number]) => Number(number))
  return { user, groups: [...new Set([user.gid, ...groups, ...(gid === undefined ? [] : [Number(gid)])])].toSorted((a, b) => a - b) }
}

const statusOf = (pid: number, field: string): string[] => new RegExp(`^${field}:\\s+(.*?)\\s*$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!.split(/\s+/)

/** Where such an agent can start; the broker's home is closed to it. */
function placeFor(t: Parameters<typeof temporaryDirectory>[0]): { home: string; cwd: string } {
  const root = temporaryDirectory(t)
  chmodSync(root, 0o711)
  const [home, cwd] = [join(root, 'home'), join(root, 'cwd')]
  mkdirSync(home, { mode: 0o700 })
  mkdirSync(cwd, { mode: 0o755 })
  return { home, cwd }
}

async function attached(broker: BrokerAccess, name: string): Promise<number> {
  const client = await broker.connect()
  await until(async () => (await errorCode(client.request(`$CB.to.agent.${name}`, { do: 'pid' }))) === 'resolved')
  return (await client.request<number>(`$CB.to.agent.${name}`, { do: 'pid' })).value
}

asRoot('agent user: it attaches by a socket of its own, with its user\'s groups and no others, and cannot read the home', async t => {
  const { user, groups } = somebody()
  const { home, cwd } = placeFor(t)
  const key = join(home, 'key')
  writeFileSync(key, 'a secret of the lamp', { mode: 0o600 })
  const look = `cat $CALLBOARD_HOME/token || echo no token; ls $CALLBOARD_HOME || echo no home; ls ${userSecretFolder(home)} || echo no listing; cat $KEY_FILE && echo; echo "home $HOME"; echo told; exec sleep 1000`
  const own = { user: user.name, cwd, secrets: { KEY: key } }
  const config = { agents: [{ name: 'lamp', command: 'node', args: [obedient], ...own }, { name: 'look', command: 'sh', args: ['-c', look], ...own }] }
  // Root is in more groups than its own here: none of them may stay.
  const broker = await startBrokerProcess(t, { home, config, through: ['setpriv', '--groups=0,4,27'] })
  const pid = await attached(broker, 'lamp')
  t.deepEqual(['Uid', 'Gid'].map(field => statusOf(pid, field)), [Array(4).fill(String(user.uid)), Array(4).fill(String(user.gid))])
  t.deepEqual(statusOf(pid, 'Groups').map(Number).toSorted((a, b) => a - b), groups)
  t.deepEqual(['CapPrm', 'CapEff', 'CapInh', 'CapAmb'].map(set => statusOf(pid, set)), Array.from({ length: 4 }, () => ['0000000000000000']))
  const socket = userSocket(home, user.uid)
  t.like(statSync(socket), { uid: user.uid })
  t.is(statSync(socket).mode & 0o777, 0o600)
  // Without the line that is being written.
  const lines = (): { actor: string; stream?: string; msg: string }[] => readFileSync(join(home, 'logs/callboard.log'), 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as never)
  const said = (): string[] => lines().filter(({ actor, stream }) => actor === 'agent.look' && stream === 'stdout').map(({ msg }) => msg)
  await until(() => said().includes('told'))
  t.deepEqual(said(), ['no token', 'no home', 'no listing', '[KEY]', `home ${user.home}`, 'told'])
  // A third user gets nowhere.
  const [copy] = readdirSync(userSecretFolder(home))
  const stranger = spawnSync('setpriv', ['--reuid=4294967', '--regid=4294967', '--clear-groups', 'sh', '-c', `cat ${userSecretFolder(home)}/${copy}/KEY ${join(home, 'token')}; test -w ${socket} || echo closed`], { encoding: 'utf8' })
  t.is(stranger.stdout, 'closed\n')
  await broker.end('SIGTERM')
  t.false(existsSync(userPlace(home)))
})

sandboxed('agent user: within a sandbox at every level it is that user, and reaches its broker', async t => {
  const { user } = somebody()
  const { home, cwd } = placeFor(t)
  const root = join(import.meta.dirname, '../..')
  const sources = [root, realpathSync(join(root, 'node_modules'))]
  const levels = ['limits', 'restricted', 'isolated'] as const
  const agent = (level: string): object => ({ name: level, command: 'node', args: [obedient], user: user.name, cwd, sandbox: { level, allowWeaker: true, files: { read: sources } } })
  const broker = await startBroker(t, { home, config: { agents: levels.map(agent) } })
  for (const level of levels) {
    await attached(broker, level)
    const client = await broker.connect()
    const { pid, sandbox } = (await client.call('agents')).agents.find(({ name }) => name === level)!
    t.is(sandbox?.achieved, level)
    t.is(statusOf(pid!, 'Uid')[0], String(user.uid))
  }
})

asRoot('agent user: after kill -9 of the broker the next one clears the place and lets its agents in again', async t => {
  const { user } = somebody()
  const { home, cwd } = placeFor(t)
  const key = join(home, 'key')
  writeFileSync(key, 'a secret of the lamp', { mode: 0o600 })
  const config = { agents: [{ name: 'lamp', command: 'node', args: [obedient], user: String(user.uid), group: '4711', cwd, secrets: { KEY: key }, backoff: { initial: '10ms', max: '50ms' } }] }
  const first = await startBrokerProcess(t, { home, config })
  await attached(first, 'lamp')
  await first.end('SIGKILL')
  t.true(existsSync(userSocket(home, user.uid)))
  const second = await startBroker(t, { home })
  const pid = await attached(second, 'lamp')
  t.is(statusOf(pid, 'Gid')[0], '4711')
  await second.broker.stop()
  t.false(existsSync(userPlace(home)))
})

asRoot('agent user: one that is not there is told by name, and a broker that is not root is refused by its configuration', async t => {
  const broker = await startBroker(t, { config: { agents: [{ name: 'lamp', command: 'true', user: 'nobody-here', restart: 'temporary' }] } })
  await broker.log.logged(/crashed/)
  t.regex(JSON.stringify(broker.log.records.map(({ fields }) => String(fields['error']))), /agent\.user: agent \\?"lamp\\?" cannot run as another user: there is no user \\?"nobody-here/)
  const home = temporaryDirectory(t)
  const file = join(home, 'callboard.json')
  writeFileSync(file, JSON.stringify({ agents: [{ name: 'lamp', command: 'true', user: 'nobody' }] }))
  for (const path of [home, file]) chmodSync(path, 0o755)
  const { exit, stderr } = await runCallboard(t, ['config', 'check', file], { home, through: asOrdinaryUser() })
  t.is(exit, 2)
  t.regex(stderr, /agents\[0\]\.user needs a broker of root, which alone may start programs as others, and you are uid 65534/)
})
