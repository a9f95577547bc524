// The control groups that a broker may make for its agents: finds where, clears what a killed broker left, makes one for each start.
//
//   version 2   <the broker's own group>/callboard-<hash>/agent-<pid>-1    a service with Delegate=yes; the broker itself moves to …/callboard-broker
//               /sys/fs/cgroup/callboard-<hash>/agent-<pid>-1              root otherwise
//   version 1   /sys/fs/cgroup/memory/callboard-<hash>/agent-<pid>-1       root alone; likewise pids and cpu

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, realpathSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { SandboxPart, SandboxSettings } from '../../broker/ground/sandbox.ts'
import type { AgentSettings } from '../../broker/ground/settings.ts'
import type { Log } from '../../broker/ground/types.ts'
import { Cgroup, type Held } from './cgroup.ts'
import { BROKER, delegatedGroup } from './cgroup-delegation.ts'
import { removeGroup } from './cgroup-ending.ts'
import { askedOf, limitText, partOf, settingsFor, swapFile } from './cgroup-files.ts'
import { controllers, hierarchies, type Controller, type Hierarchy } from './cgroup-mounts.ts'

/** Where groups of a controller are made. */
export interface ControllerPlace {
  readonly version: 1 | 2
  /** Its sub-directories are the broker's alone. */
  readonly directory: string
}

export type Places = ReadonlyMap<Controller, ControllerPlace>

/**
 * Those of a broker with such agents; undefined: none of them has a limit that a group could hold. `isInherited`: a process before this one still has
 * agents in theirs. Otherwise groups that a killed broker left are removed, whatever is configured now.
 */
export async function findCgroups(home: string, agents: readonly AgentSettings[], log: Log, isInherited: boolean): Promise<Cgroups | undefined> {
  if (!agents.some(({ sandbox }) => sandbox !== undefined && isWanted(sandbox) && controllers.some(controller => askedOf(controller, sandbox) !== undefined))) {
    if (!isInherited) await clearGroups(home)
    return undefined
  }
  const cgroups = await Cgroups.find(home, isInherited)
  log.info({ controlGroups: cgroups.versions }, Object.keys(cgroups.versions).length === 0 ? 'no control groups can be made for agents: they are limited process by process' : 'agents are limited by control groups')
  return cgroups
}

function isWanted({ level, controlGroups }: SandboxSettings): boolean {
  return level !== 'none' && controlGroups
}

export class Cgroups {
  readonly #places: Places
  #made = 0

  constructor(places: Places) {
    this.#places = places
  }

  /**
   * What there is for the broker of this home; without any controller where it may make no groups. Call it with the home locked, when no agent of a
   * broker before it runs any more: their groups are removed, with whoever is left in them.
   */
  static async find(home: string, isInherited = false): Promise<Cgroups> {
    if (!isInherited) await clearGroups(home)
    return new Cgroups(process.platform === 'linux' ? findPlaces(home) : new Map<Controller, ControllerPlace>())
  }

  /** By controller, the version that holds it. */
  get versions(): Readonly<Partial<Record<Controller, 1 | 2>>> {
    return Object.fromEntries([...this.#places].map(([controller, { version }]) => [controller, version]))
  }

  get directories(): readonly string[] {
    return [...new Set([...this.#places.values()].map(({ directory }) => directory))]
  }

  /** Makes a group with the limits that are asked for and can be had; undefined: with none. @throws Error when the kernel refuses one */
  make(settings: SandboxSettings): Cgroup | undefined {
    if (!isWanted(settings)) return undefined
    // Two processes of one broker make groups here while one takes over from the other.
    const name = `agent-${process.pid}-${++this.#made}`
    const held: Held[] = []
    const parts: Partial<Record<SandboxPart, string>> = {}
    try {
      for (const [controller, { version, directory: above }] of this.#places) {
        const value = askedOf(controller, settings)
        if (value === undefined) continue
        const directory = join(above, name)
        mkdirSync(directory, { recursive: true })
        held.push({ controller, version, directory })
        for (const { file, value: text, isOptional } of settingsFor(controller, version, value)) if (isOptional !== true || existsSync(join(directory, file))) writeFileSync(join(directory, file), text)
        parts[partOf[controller]] = limitText(controller, version, value, existsSync(join(directory, swapFile[version])))
      }
    } catch (error) {
      void new Cgroup(held, parts).end()
      throw error
    }
    return held.length === 0 ? undefined : new Cgroup(held, parts)
  }

  /** Nobody needs them any more: every group is empty. */
  close(): void {
    for (const directory of this.directories) {
      try {
        rmdirSync(directory)
      } catch {
        // Somebody survived SIGKILL; the next broker looks again.
      }
    }
  }
}

// Where a broker before this one may have made them: from where this one is now, or as a service that has moved.
async function clearGroups(home: string): Promise<void> {
  if (process.platform !== 'linux') return
  const directories = found().flatMap(({ root, own }) => [root, own, ...(own.endsWith(`/${BROKER}`) ? [dirname(own)] : [])]).map(above => join(above, nameFor(home)))
  await Promise.all([...new Set(directories)].filter(directory => existsSync(directory)).map(directory => removeGroup(directory)))
}

function found(): Hierarchy[] {
  return hierarchies(read('/proc/self/mountinfo'), read('/proc/self/cgroup'))
}

// Two names of one directory are one home.
function nameFor(home: string): string {
  return `callboard-${createHash('sha256').update(trueName(home)).digest('hex').slice(0, 12)}`
}

function trueName(home: string): string {
  try {
    return realpathSync(home)
  } catch {
    return home
  }
}

function findPlaces(home: string): Places {
  const name = nameFor(home)
  const places = new Map<Controller, ControllerPlace>()
  for (const hierarchy of found().toSorted((a, b) => b.version - a.version)) {
    const missing = controllers.filter(controller => !places.has(controller) && has(hierarchy, controller))
    if (missing.length === 0) continue
    for (const [controller, place] of placesIn(hierarchy, missing, name)) places.set(controller, place)
  }
  return places
}

function has({ version, root, controllers: names }: Hierarchy, controller: Controller): boolean {
  return version === 1 ? names.includes(controller) : read(join(root, 'cgroup.controllers')).split(/\s+/).includes(controller)
}

function placesIn(hierarchy: Hierarchy, wanted: readonly Controller[], name: string): [Controller, ControllerPlace][] {
  const { version, root, own } = hierarchy
  try {
    if (version === 1) {
      const directory = join(own, name)
      mkdirSync(directory, { recursive: true })
      return wanted.map(controller => [controller, { version, directory }])
    }
    const { directory, enabled } = delegatedGroup(root, own, name, wanted)
    return enabled.map(controller => [controller, { version, directory }])
  } catch {
    // Not the broker's to make, or read only, as in most containers.
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
