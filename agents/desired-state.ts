// What operators changed of agents while the broker ran, kept over restarts: how many instances, and which program. It stands until the
// configuration itself changes what it changed.

import { createHash } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { BrokerError } from '../broker/ground/errors.ts'
import type { AgentSettings } from '../broker/ground/settings.ts'
import { MAX_INSTANCES } from './instance-id.ts'

/** The settings that scale and upgrade change. */
type Desired = Pick<AgentSettings, 'instances' | 'command' | 'args' | 'version' | 'env'>

interface Kept {
  /** Of what the configuration said then. */
  readonly base: string
  readonly desired: Desired
}

/** The file `path` (`fleet.json` in the home): JSON, replaced whole at each change, readable by its owner alone. */
export class DesiredState {
  readonly #path: string
  readonly #agents: Map<string, Kept>

  /** Takes over what the file holds. A file that is missing or holds nothing of that shape counts as empty. */
  constructor(path: string) {
    this.#path = path
    this.#agents = read(path)
  }

  /** The settings as they were changed; those of the configuration where nothing was, or where it has changed since. */
  apply(configured: AgentSettings): AgentSettings {
    const kept = this.#agents.get(configured.name)
    return kept?.base === baseOf(configured) ? { ...configured, ...kept.desired } : configured
  }

  /** Keeps how `settings` differ from what is configured. @throws BrokerError `home.unusable`; the old ones stand */
  keep(configured: AgentSettings, settings: AgentSettings): void {
    const [before, after] = [desiredOf(configured), desiredOf(settings)]
    const next = new Map(this.#agents)
    if (JSON.stringify(before) === JSON.stringify(after)) next.delete(configured.name)
    else next.set(configured.name, { base: baseOf(configured), desired: after })
    try {
      // Written beside and renamed: a broker killed here leaves the old file or the new one.
      writeFileSync(`${this.#path}.new`, `${JSON.stringify(Object.fromEntries(next))}\n`, { mode: 0o600 })
      renameSync(`${this.#path}.new`, this.#path)
    } catch (error) {
      throw new BrokerError('home.unusable', { home: this.#path, problem: error instanceof Error ? error.message : String(error) }, { cause: error })
    }
    this.#agents.clear()
    for (const [name, kept] of next) this.#agents.set(name, kept)
  }
}

/** Which of the settings differ, by name. */
export function differences(configured: AgentSettings, settings: AgentSettings): string[] {
  const [before, after] = [desiredOf(configured), desiredOf(settings)]
  return (Object.keys(after) as (keyof Desired)[]).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
}

function desiredOf({ instances = 1, command, args, version, env }: AgentSettings): Desired {
  return { instances, command, args, version, env }
}

// Of these settings alone: what else a newer broker knows of an agent is no change of it.
function baseOf(configured: AgentSettings): string {
  return createHash('sha256').update(JSON.stringify(desiredOf(configured))).digest('base64url')
}

function read(path: string): Map<string, Kept> {
  try {
    const file: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return new Map(Object.entries(file ?? {}).filter((entry): entry is [string, Kept] => isKept(entry[1])))
  } catch {
    return new Map()
  }
}

function isKept(value: unknown): value is Kept {
  const { base, desired } = (value ?? {}) as { readonly base?: unknown; readonly desired?: unknown }
  const { instances, command, args, version, env } = (desired ?? {}) as Partial<Record<keyof Desired, unknown>>
  const isCount = Number.isInteger(instances) && (instances as number) >= 0 && (instances as number) <= MAX_INSTANCES
  return typeof base === 'string' && isCount && typeof command === 'string' && isTexts(args) && (version === undefined || typeof version === 'string') && typeof env === 'object' && env !== null && isTexts(Object.values(env))
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}
