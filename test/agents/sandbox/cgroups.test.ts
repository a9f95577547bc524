// Control groups of version 2: against files of a directory, and against the kernel where it has such a hierarchy that may be written.

import { spawn, spawnSync } from 'node:child_process'
import { accessSync, closeSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import test, { type Implementation } from 'ava'
import { Cgroup } from '../../../agents/sandbox/cgroup.ts'
import { removeGroup } from '../../../agents/sandbox/cgroup-ending.ts'
import { Cgroups } from '../../../agents/sandbox/cgroups.ts'
import { enclosureProblem } from '../../../agents/sandbox/enclosure.ts'
import { planOf } from '../../../agents/sandbox/plan.ts'
import { hierarchies } from '../../../agents/sandbox/cgroup-mounts.ts'
import { noSandbox } from '../../../broker/ground/sandbox.ts'
import { startAgent } from '../../support/agent-process.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { isThere, until } from '../../support/until.ts'

const limited = { ...noSandbox, level: 'limits', memoryBytes: 64 * 2 ** 20, processes: 40, cpus: 0.5 } as const
const read = (path: string): string => { try { return readFileSync(path, 'utf8') } catch { return '' } }
const real = hierarchies(read('/proc/self/mountinfo'), read('/proc/self/cgroup')).find(({ version }) => version === 2)?.own

const problems = await Promise.all((['unshare', 'bubblewrap'] as const).map(async kind => ((await enclosureProblem(kind)) === undefined ? [kind] : [])))
const kinds = ['none' as const, ...problems.flat()]

function mayWrite(directory: string | undefined): directory is string {
  try {
    accessSync(join(directory!, 'cgroup.procs'), constants.W_OK)
    return true
  } catch {
    return false
  }
}

const onKernel = (title: string, story: Implementation<[]>): void => (mayWrite(real) ? test(title, story) : test.skip(`${title} (left out: no hierarchy of version 2 may be written)`, story))

test('cgroups: in version 2 a group has the limits that are asked for, by the controllers that there are', t => {
  const directory = temporaryDirectory(t)
  const cgroups = new Cgroups(new Map([['memory', { version: 2, directory }], ['cpu', { version: 2, directory }]]))
  const group = cgroups.make(limited)!
  t.deepEqual(group.directories, [join(directory, `agent-${process.pid}-1`)])
  t.deepEqual(Object.fromEntries(readdirSync(group.directories[0]!).map(file => [file, read(join(group.directories[0]!, file))])), { 'memory.max': '67108864', 'cpu.max': '50000 100000' })
  t.deepEqual(Object.keys(group.parts).toSorted(), ['cpu', 'memory'])
  writeFileSync(join(group.directories[0]!, 'memory.events'), 'oom 1\noom_kill 1\n')
  t.deepEqual(group.hits(), [{ limit: 'memory', evidence: 'control group: 1 processes killed' }])
  t.deepEqual(cgroups.make(limited)!.directories, [join(directory, `agent-${process.pid}-2`)])
})

test('cgroups: none is made where nothing is asked that a group could hold, or where they are not wanted', t => {
  const directory = temporaryDirectory(t)
  const cgroups = new Cgroups(new Map([['pids', { version: 2, directory }]]))
  for (const settings of [noSandbox, { ...limited, controlGroups: false }, { ...limited, level: 'none' as const }, { ...limited, processes: undefined }]) t.is(cgroups.make(settings), undefined)
  t.deepEqual(readdirSync(directory), [])
})

onKernel('cgroups: who writes 0 to the open file is in the group with all that it starts, and ends with it, whatever group of processes it is in', async t => {
  const directory = mkdtempSync(join(real!, 'callboard-test-'))
  const cgroup = new Cgroup([{ controller: 'memory', version: 2, directory }], {})
  const [fd] = cgroup.open()
  // Not even a file that it may open itself: nobody's processes join by a descriptor of root's.
  const child = spawn('sh', ['-c', 'echo 0 >&3; setsid sleep 1000 & exec sleep 1000'], { stdio: ['ignore', 'ignore', 'ignore', fd!] })
  closeSync(fd!)
  const members = (): number[] => read(join(directory, 'cgroup.procs')).split('\n').filter(line => line !== '').map(Number)
  await until(() => members().length === 2)
  const pids = members()
  t.true(pids.includes(child.pid!))
  t.true(await cgroup.end())
  t.false(existsSync(directory))
  await until(() => pids.every(pid => !isThere(pid)))
})

for (const kind of kinds) {
  onKernel(`cgroups: an agent in an enclosure of kind ${kind} is in its group when its program runs`, async t => {
    const directory = mkdtempSync(join(real!, 'callboard-test-'))
    const cgroup = new Cgroup([{ controller: 'memory', version: 2, directory }], {})
    t.teardown(() => cgroup.end())
    const home = temporaryDirectory(t)
    const { log } = await startAgent(t, {
      command: 'sh',
      args: ['-c', 'grep ^0:: /proc/self/cgroup; ls /proc/$$/fd; exec sleep 1000'],
      environment: { CALLBOARD_SOCKET: join(home, 'socket') },
      cgroup,
      sandbox: launch => ({ ...planOf('tested', launch, { ...noSandbox, level: kind === 'none' ? 'restricted' : 'isolated' }, home, { kind }), cgroup: { joins: 1, parts: {} } }),
    })
    t.regex((await log.logged(/^0::/)).text, new RegExp(`/${basename(directory)}$`))
    await log.logged(/^2$/)
    t.false(log.records.some(({ text }) => text === '3' || text === '4'), 'the file is not left open to it')
  })
}

onKernel('cgroups: a group goes with those that were made below it, and with who is in them', async t => {
  const directory = mkdtempSync(join(real!, 'callboard-test-'))
  const below = join(directory, 'own', 'deeper')
  mkdirSync(below, { recursive: true })
  const child = spawn('sh', ['-c', `echo 0 > ${below}/cgroup.procs; exec sleep 1000`], { stdio: 'ignore' })
  await until(() => read(join(below, 'cgroup.procs')).trim() === String(child.pid))
  t.true(await removeGroup(directory))
  t.false(existsSync(directory))
  await until(() => !isThere(child.pid!))
})

onKernel('cgroups: a group that is there no more has been removed', async t => {
  t.true(await removeGroup(join(real!, 'callboard-test-none')))
})

onKernel('cgroups: a broker that has a group for itself alone moves below it, and its agents\' groups have the controllers', t => {
  const service = mkdtempSync(join(real!, 'callboard-test-'))
  t.teardown(() => {
    for (const path of ['name/agent-1', 'name', 'callboard-broker', '.']) spawnSync('rmdir', [join(service, path)])
  })
  const [controller] = read(join(service, 'cgroup.controllers')).trim().split(/\s+/)
  const module = JSON.stringify(join(import.meta.dirname, '../../../agents/sandbox/cgroup-delegation.ts'))
  const program = `import { delegatedGroup } from ${module}; import { mkdirSync, readFileSync } from 'node:fs'
    const wanted = ${JSON.stringify([controller].filter(Boolean))}
    const first = delegatedGroup(${JSON.stringify(real)}, ${JSON.stringify(service)}, 'name', wanted)
    mkdirSync(first.directory + '/agent-1')
    const again = delegatedGroup(${JSON.stringify(real)}, ${JSON.stringify(join(service, 'callboard-broker'))}, 'name', wanted)
    console.log(JSON.stringify({ first, again, own: readFileSync('/proc/self/cgroup', 'utf8').match(/^0::(.*)$/m)[1], given: readFileSync(first.directory + '/agent-1/cgroup.controllers', 'utf8').trim() }))`
  mkdirSync(service, { recursive: true })
  const { stdout, stderr } = spawnSync('sh', ['-c', `echo 0 > ${service}/cgroup.procs; exec "$@"`, 'sh', process.execPath, '--input-type=module', '-e', program], { encoding: 'utf8' })
  const enabled = [controller].filter(Boolean)
  const answer = JSON.parse(stdout || JSON.stringify(stderr)) as { own: string }
  t.like(answer, { first: { directory: join(service, 'name'), enabled }, again: { directory: join(service, 'name'), enabled }, given: enabled.join(' ') })
  t.true(answer.own.endsWith('/callboard-broker'))
})
