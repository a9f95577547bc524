// Keeps crash reports in the broker's home, a file each: `crashes/<agent>/<id>.json`. Knows what is in them by its id and agent alone.
//
// Written beside and renamed, one after the other: a broker killed meanwhile leaves whole files, and a draft that the next one removes.
// A disk that takes no more costs the report, and nobody waits for it.

import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { CrashReport } from '../../broker/ground/crash.ts'
import { isCode } from '../../broker/ground/home.ts'
import type { Log } from '../../broker/ground/types.ts'

/** What is kept; the oldest go first. */
export interface CrashBounds {
  readonly perAgent: number
  readonly files: number
  readonly bytes: number
}

export const crashBounds: CrashBounds = { perAgent: 10, files: 1000, bytes: 64 * 1024 * 1024 }

/** Reports that may wait to be written. Of a storm of crashes the rest is lost, and the log has all of them. */
const MAX_WAITING = 256

/** Nobody writes one file for so long. */
const OLD_DRAFT_MS = 60_000

const AGENT = /^[A-Za-z0-9_-]{1,128}$/
const ID = /^\d{13}-\d{1,4}-\d{1,10}$/

interface KeptFile {
  readonly agent: string
  readonly id: string
  readonly bytes: number
}

/** `time-instance-incarnation`: as text in the order of time. */
export function crashId(timeMs: number, instance: number, incarnation: number): string {
  return `${String(Math.max(0, Math.floor(timeMs))).padStart(13, '0')}-${instance}-${incarnation}`
}

export class CrashFiles {
  readonly #directory: string
  readonly #log: Log
  readonly #bounds: CrashBounds
  /** In the order of time; undefined until the first that needs it. */
  #files: KeptFile[] | undefined
  #turn: Promise<void> = Promise.resolve()
  #waiting = 0

  /** `directory` need not exist: the first report makes it. */
  constructor(directory: string, log: Log, bounds: CrashBounds = crashBounds) {
    this.#directory = directory
    this.#log = log
    this.#bounds = bounds
  }

  /** Keeps a report; resolves to false when it could not be, which the log says. Never rejects. */
  async keep(report: CrashReport): Promise<boolean> {
    if (this.#waiting >= MAX_WAITING) return this.#lost(report, `${MAX_WAITING} others wait to be written`)
    this.#waiting++
    const kept = this.#inTurn(() => this.#write(report))
    const isKept = await kept.then(() => true, (error: unknown) => this.#lost(report, error instanceof Error ? error.message : String(error)))
    this.#waiting--
    return isKept
  }

  /** Those of an agent, the newest first. What cannot be read, or is none, is passed over. */
  async of(agent: string): Promise<CrashReport[]> {
    // One that is being written is waited for: who asks has been told of it.
    await this.#turn
    return readCrashes(this.#directory, agent)
  }

  /** Resolves when all that was given has been written, or is lost. */
  async flush(): Promise<void> {
    await this.#turn
  }

  #lost({ agent, id }: CrashReport, problem: string): false {
    this.#log.error({ agent, report: id, err: new BrokerError('agent.report_lost', { agent, problem }) }, 'a crash report could not be kept')
    return false
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  async #write(report: CrashReport): Promise<void> {
    this.#files ??= await this.#found()
    const { agent, id } = report
    const folder = join(this.#directory, agent)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const content = Buffer.from(`${JSON.stringify(report)}\n`)
    const draft = join(folder, `${id}.new`)
    try {
      await writeFile(draft, content, { mode: 0o600 })
      await rename(draft, join(folder, `${id}.json`))
    } catch (error) {
      // Half of it would take the room that there is not.
      await rm(draft, { force: true }).catch(() => {})
      throw error
    }
    this.#files = [...this.#files.filter((file) => file.agent !== agent || file.id !== id), { agent, id, bytes: content.length }]
    await this.#drop()
  }

  async #drop(): Promise<void> {
    const { perAgent, files, bytes } = this.#bounds
    const counts = new Map<string, number>()
    let [count, sum] = [0, 0]
    const kept = new Set<KeptFile>()
    for (const file of this.#files!.toReversed()) {
      const own = (counts.get(file.agent) ?? 0) + 1
      // The newest stays, however large.
      if (count > 0 && (own > perAgent || count >= files || sum + file.bytes > bytes)) await rm(join(this.#directory, file.agent, `${file.id}.json`), { force: true })
      else {
        counts.set(file.agent, own)
        count++
        sum += file.bytes
        kept.add(file)
      }
    }
    this.#files = this.#files!.filter((file) => kept.has(file))
  }

  // Those of brokers before this one; what they began and did not finish goes.
  async #found(): Promise<KeptFile[]> {
    const found: KeptFile[] = []
    for (const agent of await namesIn(this.#directory)) {
      if (!AGENT.test(agent)) continue
      for (const name of await namesIn(join(this.#directory, agent))) {
        const path = join(this.#directory, agent, name)
        const isDraft = name.endsWith('.new') && ID.test(name.slice(0, -4))
        if (!isDraft && !(name.endsWith('.json') && ID.test(name.slice(0, -5)))) continue
        const file = await stat(path).catch(() => undefined)
        if (file === undefined) continue
        if (!isDraft) found.push({ agent, id: name.slice(0, -5), bytes: file.size })
        // A younger one may be that of a broker from which this one takes over.
        else if (Date.now() - file.mtimeMs > OLD_DRAFT_MS) await rm(path, { force: true })
      }
    }
    return found.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  }
}

/** The reports of an agent below `directory`, the newest first: for who has no broker to ask, too. */
export async function readCrashes(directory: string, agent: string): Promise<CrashReport[]> {
  if (!AGENT.test(agent)) return []
  const names = (await namesIn(join(directory, agent))).filter((name) => name.endsWith('.json') && ID.test(name.slice(0, -5)))
  const reports = await Promise.all(names.toSorted().reverse().map((name) => readReport(join(directory, agent, name))))
  return reports.filter((report) => report !== undefined)
}

/** When the kept incarnations of each agent ended, the newest first, without reading the reports. ms since the epoch */
export async function crashTimes(directory: string): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>()
  for (const agent of (await namesIn(directory)).filter((name) => AGENT.test(name))) {
    const ids = (await namesIn(join(directory, agent))).filter((name) => name.endsWith('.json') && ID.test(name.slice(0, -5)))
    if (ids.length > 0) times.set(agent, ids.toSorted().reverse().map((id) => Number(id.slice(0, 13))))
  }
  return times
}

async function readReport(path: string): Promise<CrashReport | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return typeof value === 'object' && value !== null && 'id' in value && 'next' in value && 'lines' in value ? (value as CrashReport) : undefined
  } catch {
    // Dropped meanwhile, or damaged by a loss of power.
    return undefined
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return []
    throw error
  }
}
