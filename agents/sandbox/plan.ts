// What a launcher is told: the agent's program, and what it may reach. Starts nothing.

import { accessSync, constants, readlinkSync, realpathSync } from 'node:fs'
import { isAbsolute, join, resolve, sep } from 'node:path'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { SandboxSettings } from '../../broker/ground/sandbox.ts'
import type { Launch } from '../launch.ts'
import type { Enclosure } from './enclosure.ts'
import { systemFiles } from './system-files.ts'

/** Plain data: it goes to the launcher as JSON. */
export interface SandboxPlan {
  readonly launch: Launch
  readonly settings: SandboxSettings
  /** Path of the program, with PATH searched; as it was given when nothing was found. */
  readonly program: string
  /** Absolute paths, links not followed. */
  readonly read: readonly string[]
  readonly write: readonly string[]
  /** Where the broker's socket lies. The directory, as the socket is replaced when listeners are handed over. */
  readonly socketDirectory: string
  /** The broker's namespaces, by name, as /proc shows them. */
  readonly hostNamespaces: Readonly<Record<string, string>>
  readonly hostUser: number
  readonly enclosure: Enclosure
}

export const namespaceNames = ['user', 'mnt', 'pid', 'net', 'ipc', 'uts'] as const

/**
 * @param home the broker's home, which no agent may read
 * @throws BrokerError `sandbox.invalid` when what may be read or written holds the broker's home, or does not exist
 */
export function planOf(agent: string, launch: Launch, settings: SandboxSettings, home: string, enclosure: Enclosure): SandboxPlan {
  const program = findProgram(launch)
  const named = [...settings.files.read, ...settings.files.write]
  for (const path of named) {
    const real = realPath(path)
    if (real === undefined) throw new BrokerError('sandbox.invalid', { agent, problem: `sandbox.files names ${path}, which does not exist; create it or take it out` })
    if (holds(real, home)) throw new BrokerError('sandbox.invalid', { agent, problem: `sandbox.files names ${path}, which holds the broker's home ${home} with its token; name directories below it or beside it` })
  }
  // An agent reads where it starts, unless that is where the broker's secrets are.
  const directory = holds(launch.directory, home) ? [] : [launch.directory]
  return {
    launch,
    settings,
    program,
    read: unique([...systemFiles.filter(path => !holds(path, home)), ...withRealPath(program), ...directory, ...settings.files.read.flatMap(withRealPath)]),
    write: unique(settings.files.write.flatMap(withRealPath)),
    socketDirectory: resolve(launch.environment['CALLBOARD_SOCKET']!, '..'),
    hostNamespaces: ownNamespaces(),
    hostUser: process.getuid!(),
    enclosure,
  }
}

/** The namespaces of this process, by name. */
function ownNamespaces(): Readonly<Record<string, string>> {
  return Object.fromEntries(namespaceNames.map(name => [name, readlinkSync(`/proc/self/ns/${name}`)]))
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
