// Checks the chain of an audit log: that no line was changed, taken out, put in or moved. Reads files, changes none.
//
// What it cannot see by itself: that the last lines, or the oldest file, were taken away, or that somebody who may write
// the files made the whole chain anew. An anchor, noted elsewhere before, shows both.

import { createReadStream } from 'node:fs'
import { CHAIN_START, digest, readAuditLine, type AuditEntry, type ChainEnd } from './audit-chain.ts'

/** The first line that does not fit. */
interface AuditProblem {
  readonly file: string
  /** From 1; 0 where no line is to blame. */
  readonly line: number
  readonly problem: string
}

/** Something worth knowing that the log says of itself. */
interface AuditNote {
  readonly file: string
  readonly line: number
  readonly text: string
}

export interface AuditReport {
  readonly files: number
  readonly entries: number
  readonly first: ChainEnd | undefined
  readonly last: (ChainEnd & { readonly time: number }) | undefined
  readonly notes: readonly AuditNote[]
  /** undefined: the chain holds. */
  readonly problem: AuditProblem | undefined
}

/** Checks `files`, oldest first. `anchor`: an entry as it was once, to be found unchanged. */
export async function checkAuditFiles(files: readonly string[], anchor?: ChainEnd): Promise<AuditReport> {
  const check = new AuditCheck(anchor)
  for (const file of files) {
    check.begin(file)
    for await (const { line, isWhole } of linesOf(file)) {
      check.take(line, isWhole)
      if (check.problem !== undefined) return check.report()
    }
  }
  return check.end()
}

interface BrokenLines {
  readonly file: string
  /** The first of them. */
  readonly line: number
  readonly bytes: Buffer[]
  /** One line without an end, at the end of all: it is being written just now, or was cut off by a kill. */
  isUnfinished: boolean
}

export class AuditCheck {
  problem: AuditProblem | undefined
  readonly #anchor: ChainEnd | undefined
  #isAnchorSeen = false
  #files = 0
  #entries = 0
  #first: ChainEnd | undefined
  #last: AuditEntry | undefined
  readonly #notes: AuditNote[] = []
  #file = ''
  #line = 0
  /** Lines since the last entry that are none; the next entry must account for them. */
  #broken: BrokenLines | undefined

  constructor(anchor?: ChainEnd) {
    this.#anchor = anchor
  }

  /** The lines of another file follow. */
  begin(file: string): void {
    this.#files++
    this.#file = file
    this.#line = 0
  }

  /** The next line, without its end. `isWhole`: it has one. */
  take(line: Uint8Array, isWhole = true): void {
    if (this.problem !== undefined) return
    this.#line++
    const entry = readAuditLine(line)
    if (entry === undefined) {
      if (this.#broken !== undefined) this.#broken.isUnfinished = false
      this.#broken ??= { file: this.#file, line: this.#line, bytes: [], isUnfinished: !isWhole }
      this.#broken.bytes.push(Buffer.from(line), Buffer.from('\n'))
      return
    }
    this.#link(entry)
  }

  /** There are no more lines. */
  end(): AuditReport {
    if (this.#broken?.isUnfinished) this.#note('the last line has no end: it is being written, or was cut off by a kill; the next entry will say so')
    else if (this.problem === undefined && this.#broken !== undefined) this.#fail(notAnEntry, this.#broken)
    if (this.problem === undefined && this.#anchor !== undefined && !this.#isAnchorSeen) this.#fail(`entry ${this.#anchor.seq}, which was there once, is not`, { file: this.#file, line: 0 })
    return this.report()
  }

  report(): AuditReport {
    const last = this.#last
    return { files: this.#files, entries: this.#entries, first: this.#first, last: last && { seq: last.seq, hash: last.hash, time: last.time }, notes: this.#notes, problem: this.problem }
  }

  #link(entry: AuditEntry): void {
    const { seq, hash, previous } = entry
    const before = this.#last
    if (this.#broken !== undefined && !this.#accountsFor(entry, this.#broken)) return this.#fail(notAnEntry, this.#broken)
    this.#broken = undefined
    if (before !== undefined && seq !== before.seq + 1) return this.#fail(`entry ${seq} follows entry ${before.seq}`)
    if (before !== undefined && previous !== before.hash) return this.#fail(`entry ${seq} does not follow the entry ${before.seq} that is there`)
    if (before === undefined && seq === 1 && previous !== CHAIN_START.hash) return this.#fail('entry 1 says that another came before it')
    if (seq === this.#anchor?.seq) {
      if (hash !== this.#anchor.hash) return this.#fail(`entry ${seq} is not the one that was there once`)
      this.#isAnchorSeen = true
    }
    if (before === undefined && seq > 1) this.#note(`the log begins at entry ${seq}; those before it were in files that are not kept`)
    if (entry.action === 'log.lost') this.#note(`${String(entry['count'])} entries were lost before this one: the disk did not take them`)
    this.#first ??= { seq, hash }
    this.#last = entry
    this.#entries++
  }

  #accountsFor(entry: AuditEntry, { bytes, line }: BrokenLines): boolean {
    const region = Buffer.concat(bytes)
    const does = entry.action === 'log.continued' && entry['brokenBytes'] === region.length && entry['brokenHash'] === digest(region)
    if (does) this.#note(`line ${line} was cut off, by a kill or a full disk; entry ${entry.seq} says so`)
    return does
  }

  #note(text: string): void {
    this.#notes.push({ file: this.#file, line: this.#line, text })
  }

  #fail(problem: string, at: { readonly file: string; readonly line: number } = { file: this.#file, line: this.#line }): void {
    this.problem = { file: at.file, line: at.line, problem }
  }
}

const notAnEntry = 'not an entry, or changed: its hash is not that of its content'

async function* linesOf(file: string): AsyncGenerator<{ readonly line: Uint8Array; readonly isWhole: boolean }> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a)) {
      yield { line: bytes.subarray(0, end), isWhole: true }
      bytes = bytes.subarray(end + 1)
    }
    rest = bytes
  }
  if (rest.length > 0) yield { line: rest, isWhole: false }
}
