// Remembers on disk which agent processes run, so that the next broker finds those of one that was killed.

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { processStamp } from '../broker/ground/process-stamp.ts'
import type { Log } from '../broker/ground/types.ts'

/** A process of an agent: its own, or one that was started beside it. Its process group has the number `pid`. */
export interface AgentRecord {
  readonly name: string
  readonly pid: number
  /** Tells the process from a later one with the same pid; see process-stamp.ts. */
  readonly stamp: string
}

/** The file `path` (`agents.json` in the home): a JSON list of records, replaced whole at each change. No change throws: without the file agents run as well. */
export class AgentRegister {
  readonly #path: string
  readonly #log: Log | undefined
  #records: readonly AgentRecord[]
  #isRetired = false
  /** The last change is not in the file. */
  #isBehind = false

  /** Takes over what the file holds. A file that is missing or not such a list counts as empty. `log` is told when it cannot be written; default: nobody. */
  constructor(path: string, log?: Log) {
    this.#path = path
    this.#log = log
    this.#records = read(path)
  }

  /** Another process has the file from now on. */
  retire(): void {
    this.#isRetired = true
  }

  /** It has it again. */
  goOn(): void {
    this.#isRetired = false
    this.#write(this.#records)
  }

  /** What the file holds that is not of this register: of another process that had the file, if that is gone. */
  get strangers(): readonly AgentRecord[] {
    return read(this.#path).filter(({ pid, stamp }) => !this.#records.some((own) => own.pid === pid && own.stamp === stamp))
  }

  get records(): readonly AgentRecord[] {
    return this.#records
  }

  /** Adds a process that has just started. One that is gone already, and any where the system has no /proc, is left out: nothing could verify it. */
  add(name: string, pid: number): void {
    const stamp = processStamp(pid)
    if (stamp) this.#write([...this.#records, { name, pid, stamp }])
  }

  remove(pid: number): void {
    if (this.#records.some(record => record.pid === pid)) this.#write(this.#records.filter(record => record.pid !== pid))
  }

  #write(records: readonly AgentRecord[]): void {
    this.#records = records
    if (this.#isRetired) return
    // Written beside and renamed: a broker killed here leaves the old list or the new one.
    const draft = `${this.#path}.new`
    try {
      writeFileSync(draft, `${JSON.stringify(records)}\n`, { mode: 0o600 })
      renameSync(draft, this.#path)
      this.#isBehind = false
    } catch (error) {
      // A full disk must not keep agents from running. Said once, not at each start; the next change writes all of it.
      if (!this.#isBehind) this.#log?.error({ path: this.#path, problem: error instanceof Error ? error.message : String(error) }, 'the list of agent processes cannot be written: if this broker is killed now, the next one may not find them; make room in its home')
      this.#isBehind = true
    }
  }
}

function read(path: string): AgentRecord[] {
  try {
    const list: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return Array.isArray(list) ? list.filter(isRecord) : []
  } catch {
    return []
  }
}

function isRecord(value: unknown): value is AgentRecord {
  const { name, pid, stamp } = (value ?? {}) as Partial<Record<keyof AgentRecord, unknown>>
  return typeof name === 'string' && typeof stamp === 'string' && typeof pid === 'number' && Number.isInteger(pid) && pid > 1
}
