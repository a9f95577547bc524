// The audit log: takes what is done in the order in which it happens, and writes it down as soon as the disk takes it.
//
//   record() ──▶ [ waiting, at most 10,000 ] ──▶ batch ──▶ chain ──▶ file ──▶ disk
//
// Nobody waits for the disk. While it takes nothing (it is full, say) entries wait; those for which there is no room are
// counted, and an entry in their place says how many there were.

import { noAudit, type Audit, type AuditAction, type AuditFields } from '../broker/ground/audit.ts'
import { systemClock, type Clock } from '../broker/ground/clock.ts'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import type { AuditSettings } from '../broker/ground/settings.ts'
import type { Log } from '../broker/ground/types.ts'
import { auditLine, type AuditEvent, type ChainEnd } from './audit-chain.ts'
import { AuditFile } from './audit-file.ts'

const MAX_WAITING = 10_000
const BATCH_BYTES = 64 * 1024
const RETRY_MS = 1000

export interface AuditLogOptions {
  /** Where the file is, or will be; its directory exists when `open()` is called. */
  readonly path: string
  readonly settings: AuditSettings
  readonly deadlines: Deadlines
  readonly log: Log
  readonly clock?: Clock
  /** For tests: how the file is opened. */
  readonly openFile?: typeof AuditFile.open
}

interface Batch {
  readonly bytes: Buffer
  readonly count: number
  readonly end: ChainEnd
}

export class AuditLog implements Audit {
  readonly #options: AuditLogOptions
  readonly #clock: Clock
  readonly #retry = new Deadline(() => this.#wake())
  #waiting: AuditEvent[] = []
  /** How many are told in the last of those that wait, while there is no room. */
  #lost = 0
  #file: AuditFile | undefined
  /** The last entry that is known to be on the disk. */
  #end: ChainEnd | undefined
  #isOpen = false
  #isClosed = false
  #hasComplained = false
  #writing: Promise<void> | undefined

  constructor(options: AuditLogOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  record(action: AuditAction, who: string, fields: AuditFields = {}): void {
    if (this.#isClosed) return
    if (this.#waiting.length < MAX_WAITING) {
      this.#lost = 0
      this.#waiting.push(this.#event(action, who, fields))
    } else this.#lose()
    this.#wake()
  }

  /** Begins to write; what was recorded before comes first. Called when no other process has the file. */
  open(): void {
    this.#isOpen = true
    this.#wake()
  }

  /** Lets go of the file, so that another process can write it. What is recorded from now on waits. */
  async suspend(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#writing
    if (this.#waiting.length > 0) await this.#write()
    this.#options.deadlines.cancel(this.#retry)
    await this.#file?.close()
    this.#file = undefined
    // Who had it meanwhile may have written: the chain goes on from what is there.
    this.#end = undefined
  }

  /** Resolves when what was recorded is written, or cannot be. What is recorded later is passed over; a log that was never opened leaves no file. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#writing
    // One that failed a moment ago may be able to now.
    if (this.#isOpen && this.#waiting.length > 0) await this.#write()
    this.#options.deadlines.cancel(this.#retry)
    if (this.#isOpen && this.#waiting.length > 0) this.#options.log.error({ path: this.#options.path, entries: this.#waiting.length }, 'entries of the audit log are lost')
    await this.#file?.close()
    this.#file = undefined
  }

  #event(action: AuditAction, who: string, fields: AuditFields): AuditEvent {
    return { time: Math.floor(this.#clock.wallMicros() / 1000), action, who, fields }
  }

  // The entry that tells of the loss is the last one that waits: what comes later, when there is room again, follows it.
  #lose(): void {
    const entry = this.#event('log.lost', 'process', { count: ++this.#lost })
    if (this.#lost === 1) this.#waiting.push(entry)
    else this.#waiting[this.#waiting.length - 1] = entry
  }

  #wake(): void {
    if (!this.#isOpen || this.#isClosed || this.#writing !== undefined || this.#retry.isSet || this.#waiting.length === 0) return
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined
      // What came in the meantime, unless the disk must be waited for.
      this.#wake()
    })
  }

  async #write(): Promise<void> {
    try {
      this.#file ??= await this.#openFile()
      while (this.#waiting.length > 0) {
        const { bytes, count, end } = this.#batch(this.#end!)
        await this.#file.append(bytes)
        this.#waiting.splice(0, count)
        this.#end = end
      }
      if (this.#hasComplained) this.#options.log.warn({ path: this.#options.path }, 'the audit log is written again')
      this.#hasComplained = false
    } catch (error) {
      this.#failed(error)
      // Opened anew for the next attempt: how much of this one is on the disk is seen there.
      const file = this.#file
      this.#file = undefined
      await file?.close().catch(() => {})
    }
  }

  // In the order of the file, whoever else wrote there: this is the only process that does.
  async #openFile(): Promise<AuditFile> {
    const { path, settings, log, openFile = (...how) => AuditFile.open(...how) } = this.#options
    const file = await openFile(path, settings, (error) => log.error({ err: error, path }, 'the audit log is too large and cannot be set aside'))
    // Of a batch that failed some entries may be on the disk all the same.
    const isSameChain = this.#end !== undefined && file.end.seq > this.#end.seq
    if (isSameChain) this.#waiting.splice(0, Math.min(this.#waiting.length, file.end.seq - this.#end!.seq))
    // Where the file has less than was written (somebody took it away), the chain goes on all the same: a check finds the gap.
    if (this.#end === undefined || isSameChain) this.#end = file.end
    if (this.#waiting[0]?.action === 'log.continued') this.#waiting.shift()
    if (file.broken !== undefined) {
      log.warn({ path, brokenBytes: file.broken.bytes, lastSeq: file.end.seq }, 'the audit log ends in bytes that are no entry; it goes on behind them')
      this.#waiting.unshift(this.#event('log.continued', 'process', { brokenBytes: file.broken.bytes, brokenHash: file.broken.hash }))
    }
    return file
  }

  #batch(from: ChainEnd): Batch {
    const lines: string[] = []
    const mostBytes = Math.min(BATCH_BYTES, this.#options.settings.maxFileBytes)
    let end = from
    let bytes = 0
    for (const event of this.#waiting) {
      const next = auditLine(event, end)
      bytes += next.line.length
      if (lines.length > 0 && bytes > mostBytes) break
      lines.push(next.line)
      end = next.end
    }
    return { bytes: Buffer.from(lines.join('')), count: lines.length, end }
  }

  #failed(error: unknown): void {
    const { log, path, deadlines } = this.#options
    if (!this.#hasComplained) log.error({ err: error, path }, 'the audit log cannot be written; entries wait')
    this.#hasComplained = true
    if (!this.#isClosed) deadlines.set(this.#retry, RETRY_MS)
  }
}

/** An audit log as the settings have it, and what to do with it when the home is taken and when all is over. */
export function openableAudit(options: AuditLogOptions): { readonly audit: Audit; open(): void; suspend(): Promise<void>; close(): Promise<void> } {
  if (!options.settings.enabled) return { audit: noAudit, open() {}, suspend: () => Promise.resolve(), close: () => Promise.resolve() }
  const audit = new AuditLog(options)
  return { audit, open: () => audit.open(), suspend: () => audit.suspend(), close: () => audit.close() }
}
