// What a launcher is told: the agent's program, and what it may reach. Starts nothing.

import { accessSync, constants, readlinkSync, realpathSync } from 'node:fs'
import { isAbsolute, join, resolve, sep } from 'node:path'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { SandboxSettings } from '../../broker/ground/sandbox.ts'
import type { Launch } from '../launch.ts'
import type { Cgroup } from './cgroup.ts'
import type { Enclosure } from './enclosure.ts'
import { systemFiles } from './system-files.ts'
import { keptPaths, secretIn, withoutSecrets } from './without-secrets.ts'

/** Plain data: it goes to the launcher as JSON. */
export interface SandboxPlan {
  readonly launch: Launch
  readonly settings: SandboxSettings
  /** Path of the program, with PATH searched; as it was given when nothing was found. */
  readonly program: string
  /** It is the broker's own Node, which the agent's world need not have. */
  readonly isNode: boolean
  /** Absolute paths, links not followed. */
  readonly read: readonly string[]
  readonly write: readonly string[]
  /** Where the broker's socket lies. The directory, as the socket is replaced when listeners are handed over. */
  readonly socketDirectory: string
  /** The broker's namespaces, by name, as /proc shows them. */
  readonly hostNamespaces: Readonly<Record<string, string>>
  /** As whom it runs, as the broker counts users. */
  readonly hostUser: number
  readonly enclosure: Enclosure
  /** The control groups that it joins; undefined: none. */
  readonly cgroup?: { /** How many, by descriptors from the fifth on. */ readonly joins: number; readonly parts: Cgroup['parts'] } | undefined
}

export const namespaceNames = ['user', 'mnt', 'pid', 'net', 'ipc', 'uts'] as const

/** Of a directory that is given entry by entry: more would be a slow start, and is a directory given by mistake. */
const MOST_ENTRIES = 1000

/**
 * @param home the broker's home, which no agent may read
 * @param secrets paths of the broker's secrets outside of its home, likewise
 * @throws BrokerError `sandbox.invalid` when what may be read or written holds the broker's home or a secret, or does not exist
 */
export function planOf(agent: string, launch: Launch, settings: SandboxSettings, home: string, enclosure: Enclosure, secrets: readonly string[] = []): SandboxPlan {
  const program = findProgram(launch)
  const base = { launch, settings, program, isNode: realPath(program) === realPath(process.execPath), socketDirectory: resolve(launch.environment['CALLBOARD_SOCKET']!, '..'), hostNamespaces: ownNamespaces(), hostUser: launch.user?.uid ?? process.getuid!(), enclosure }
  // Of a user of its own, and nothing else.
  if (settings.level === 'none') return { ...base, read: [], write: [] }
  const kept = keptPaths(secrets)
  const named = [...settings.files.read, ...settings.files.write]
  for (const path of named) {
    const real = realPath(path)
    if (real === undefined) throw new BrokerError('sandbox.invalid', { agent, problem: `sandbox.files names ${path}, which does not exist; create it or take it out` })
    if (holds(real, home)) throw new BrokerError('sandbox.invalid', { agent, problem: `sandbox.files names ${path}, which holds the broker's home ${home} with its token; name directories below it or beside it` })
    const secret = secretIn(path, kept)
    if (secret !== undefined) throw new BrokerError('sandbox.invalid', { agent, problem: `sandbox.files names ${path}, which gives it ${secret}, a secret of the broker; name what lies beside it` })
  }
  // An agent reads where it starts, but for the broker's secrets; around the broker's home lies what is the user's own.
  const directory = holds(launch.directory, home) ? [] : startDirectory(agent, launch.directory, kept)
  return {
    ...base,
    read: unique([...systemFiles.filter(path => !holds(path, home)).flatMap(path => withoutSecrets(path, kept, Infinity)), ...withRealPath(program), ...directory, ...settings.files.read.flatMap(withRealPath), ...(launch.files ?? []).flatMap(withRealPath)]),
    write: unique(settings.files.write.flatMap(withRealPath)),
  }
}

/** The namespaces of this process, by name. */
function ownNamespaces(): Readonly<Record<string, string>> {
  return Object.fromEntries(namespaceNames.map(name => [name, readlinkSync(`/proc/self/ns/${name}`)]))
}

function startDirectory(agent: string, directory: string, kept: readonly string[]): string[] {
  try {
    return withoutSecrets(directory, kept, MOST_ENTRIES)
  } catch {
    throw new BrokerError('sandbox.invalid', { agent, problem: `it starts in ${directory}, where ${secretIn(directory, kept)} lies, a secret of the broker, beside more than ${MOST_ENTRIES} entries that would be given to it one by one; give it a cwd of its own` })
  }
}

/** Also when `path` is the home itself. */
function holds(path: string, home: string): boolean {
  const [outer, inner] = [realPath(path) ?? path, realPath(home) ?? home]
  return `${inner}${sep}`.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`)
}

function findProgram({ command, directory, environment }: Launch): string {
  if (command.includes('/')) return isAbsolute(command) ? command : join(directory, command)
  for (const folder of (environment['PATH'] ?? '').split(':')) {
    const path = resolve(directory, folder, command)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this one.
    }
  }
  return command
}

function withRealPath(path: string): string[] {
  const real = realPath(path)
  return real === undefined || real === path ? [path] : [path, real]
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function unique(paths: readonly string[]): string[] {
  return [...new Set(paths)]
}
