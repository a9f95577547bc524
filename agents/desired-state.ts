// What operators changed of agents while the broker ran, kept over restarts: how many instances, and which program. It stands until the
// configuration itself changes what it changed.

import { createHash } from 'node:crypto'
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { BrokerError } from '../broker/ground/errors.ts'
import type { AgentSettings } from '../broker/ground/settings.ts'
import type { Log } from '../broker/ground/types.ts'
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

  /**
   * Takes over what the file holds; one that is missing counts as empty. So does one that cannot be read, which is logged and put aside as
   * `<path>.damaged`. Entries that make no sense are logged, and stay in a copy of that name.
   */
  constructor(path: string, log: Pick<Log, 'error'>) {
    this.#path = path
    this.#agents = read(path, log)
  }

  /** The settings as they were changed; those of the configuration where nothing was, or where it has changed since. What has a schedule is one instance. */
  apply(configured: AgentSettings): AgentSettings {
    const kept = this.#agents.get(configured.name)
    if (kept?.base !== baseOf(configured)) return configured
    // It got its schedule after it was scaled: each instance would run at each time.
    const { instances, ...program } = kept.desired
    return { ...configured, ...program, ...(configured.schedule === undefined && { instances }) }
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
      throw new BrokerError('home.unusable', { home: this.#path, problem: textOf(error) }, { cause: error })
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

function read(path: string, log: Pick<Log, 'error'>): Map<string, Kept> {
  try {
    const file: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof file !== 'object' || file === null || Array.isArray(file)) throw new TypeError('it holds no JSON object')
    const entries = Object.entries(file)
    const strange = entries.filter(([, entry]) => !isKept(entry)).map(([name]) => name)
    if (strange.length > 0) putAside(path, log, `what it says of ${strange.join(', ')} makes no sense`, copyFileSync)
    return new Map(entries.filter((entry): entry is [string, Kept] => isKept(entry[1])))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') putAside(path, log, textOf(error), renameSync)
    return new Map()
  }
}

// The next change writes the file anew: what somebody may want to look at would be gone.
function putAside(path: string, log: Pick<Log, 'error'>, problem: string, put: (from: string, to: string) => void): void {
  const aside = `${path}.damaged`
  try {
    put(path, aside)
    log.error({ file: path, problem, aside }, 'what operators changed of agents cannot be read; the configuration holds instead')
  } catch (error) {
    log.error({ file: path, problem, notPutAside: textOf(error) }, 'what operators changed of agents cannot be read; the configuration holds instead')
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
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
