// The control groups of one process of an agent: one in version 2, one for each controller in version 1. Knows no agents.

import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LimitHit } from '../../broker/ground/crash.ts'
import type { SandboxPart } from '../../broker/ground/sandbox.ts'
import { removeGroup } from './cgroup-ending.ts'
import { eventsFile, hitOf } from './cgroup-files.ts'
import type { Controller } from './cgroup-mounts.ts'

/** A controller that holds a limit of this agent. */
export interface Held {
  readonly controller: Controller
  readonly version: 1 | 2
  readonly directory: string
}

export class Cgroup {
  /** By which words each part of the sandbox is held. */
  readonly parts: Readonly<Partial<Record<SandboxPart, string>>>
  readonly #held: readonly Held[]

  constructor(held: readonly Held[], parts: Readonly<Partial<Record<SandboxPart, string>>>) {
    this.#held = held
    this.parts = parts
  }

  /** Descriptors: whoever writes `0` to each is in the group with all that it starts. The caller closes them. */
  open(): number[] {
    const opened: number[] = []
    try {
      for (const directory of this.directories) opened.push(openSync(join(directory, 'cgroup.procs'), constants.O_WRONLY))
      return opened
    } catch (error) {
      for (const fd of opened) closeSync(fd)
      throw error
    }
  }

  get directories(): readonly string[] {
    return [...new Set(this.#held.map(({ directory }) => directory))]
  }

  /** Limits that were met so far. */
  hits(): LimitHit[] {
    return this.#held.flatMap(({ controller, version, directory }) => {
      const file = eventsFile(controller, version)
      const hit = file === undefined ? undefined : hitOf(controller, textOf(join(directory, file)))
      return hit === undefined ? [] : [hit]
    })
  }

  /** Kills who is left, those who left the agent's process group too, and removes the group. False when somebody survived. */
  async end(): Promise<boolean> {
    const ended = await Promise.all(this.directories.map(directory => removeGroup(directory)))
    return ended.every(Boolean)
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
