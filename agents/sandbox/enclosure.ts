// Who makes the namespaces around an agent, and with which words. Node cannot: the kernel gives a user namespace only to a process
// of one thread, and V8 takes its heap from a fork.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { SandboxSettings } from '../../broker/ground/sandbox.ts'

/**
 * `none`: the launcher runs as it is. `user`: in a user namespace alone, so that processes are counted for this agent alone.
 * `unshare`, `bubblewrap`: in namespaces of its own, made by that program.
 */
export type EnclosureKind = 'none' | 'user' | 'unshare' | 'bubblewrap'

export interface Enclosure {
  readonly kind: EnclosureKind
  /** Why there is none where one was wanted. */
  readonly problem?: string
}

/** Where programs of the system lie. Not PATH: whoever sets that would choose what runs outside of the sandbox. */
const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin', '/run/current-system/sw/bin']
const PROBE_MS = 10_000

// --keep-caps: the launcher mounts, then gives up its rights. --kill-child: nothing outlives a launcher that was killed.
const ownUser = ['--user', '--map-current-user', '--keep-caps']
const ownWorld = [...ownUser, '--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child']
// The first process of a pid namespace ignores signals that it has no handler for, and its end is everybody's: it must not be the
// agent. flock is the smallest program everywhere that starts another, waits, and tells how it ended: a signal n as 128 + n.
// What it locks nobody else can hold locked: only who may trace a process opens its environment.
const FIRST_PROCESS = ['flock', '--shared', '/proc/self/environ'] as const

// The agent is asked to end by SIGTERM to its whole group: programs around it that end at once would take it with them. (The launcher,
// a Node, has all signals as they are by default again.)
const STEADFAST = ['env', '--ignore-signal=TERM'] as const

const withOwnNetwork = (network: SandboxSettings['network']): boolean => network === 'none' || network === 'loopback'

/** What stands before the launcher's own command line. `shown` is for bubblewrap, which makes the root by itself. */
export function enclosing(kind: EnclosureKind, network: SandboxSettings['network'], shown: readonly (readonly [path: string, isWritable: boolean])[], emptyDirectory: string): string[] {
  const net = withOwnNetwork(network)
  if (kind === 'none') return []
  if (kind === 'user') return [find('unshare')!, ...ownUser, '--']
  if (kind === 'unshare') return [...steadfast(), find('unshare')!, ...ownWorld, ...(net ? ['--net'] : []), '--', find(FIRST_PROCESS[0])!, ...FIRST_PROCESS.slice(1)]
  const binds = shown.toSorted(([a], [b]) => a.length - b.length).flatMap(([path, isWritable]) => [isWritable ? '--bind-try' : '--ro-bind-try', path, path])
  return [...steadfast(), find('bwrap')!, '--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', ...(net ? ['--unshare-net'] : []), '--die-with-parent', '--tmpfs', '/tmp', ...binds, '--proc', '/proc', '--dev', '/dev', '--dir', emptyDirectory, '--']
}

const probes = new Map<string, Promise<string | undefined>>()

/** Who asks the kernel for them. */
export interface Asker {
  readonly uid: number
  readonly gid: number
}

/** What to use for these settings: the first that works on this machine. What works is tried once in the life of this process. */
export async function chooseEnclosure(settings: SandboxSettings, user: number, asker?: Asker): Promise<Enclosure> {
  const wanted: EnclosureKind[] = settings.level === 'isolated' ? ['unshare', 'bubblewrap'] : settings.processes !== undefined && user !== 0 ? ['user'] : []
  const problems: string[] = []
  for (const kind of wanted) {
    const problem = await enclosureProblem(kind, asker)
    if (problem === undefined) return { kind }
    problems.push(problem)
  }
  return { kind: 'none', ...(problems.length > 0 && { problem: problems.join('; ') }) }
}

/**
 * Why this machine cannot have it; undefined when it can. It is tried, not looked up: kernels, containers and AppArmor all have a say.
 * A failure is not kept: a machine under load, or a setting that was changed since, would be held against every agent from then on.
 */
export function enclosureProblem(kind: EnclosureKind, asker?: Asker): Promise<string | undefined> {
  const key = `${kind} ${asker?.uid}`
  const known = probes.get(key)
  if (known !== undefined) return known
  const found = probe(kind, asker)
  probes.set(key, found)
  void found.then(problem => problem !== undefined && probes.delete(key))
  return found
}

async function probe(kind: EnclosureKind, asker: Asker | undefined): Promise<string | undefined> {
  if (process.platform !== 'linux') return `namespaces belong to Linux, this is ${process.platform}`
  const programs = { none: [], user: ['unshare'], unshare: ['env', 'unshare', 'flock'], bubblewrap: ['env', 'bwrap'] }[kind]
  const missing = programs.find(name => find(name) === undefined)
  if (missing !== undefined) return `${missing} is not installed`
  const [command, ...words] = [...enclosing(kind, 'none', kind === 'bubblewrap' ? [['/', false]] : [], '/tmp'), find('true') ?? '/bin/true']
  try {
    await promisify(execFile)(command, words, { timeout: PROBE_MS, env: {}, ...(asker !== undefined && { uid: asker.uid, gid: asker.gid }) })
    return undefined
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string }
    return stderr.trim() || message
  }
}

function steadfast(): string[] {
  return [find(STEADFAST[0])!, ...STEADFAST.slice(1)]
}

function find(program: string): string | undefined {
  return FOLDERS.map(folder => join(folder, program)).find(path => existsSync(path))
}
