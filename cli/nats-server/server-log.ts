// The log in nats-server's form, on stderr or in a file: `[pid] 2026/01/31 12:00:00.123456 [INF] text`.

import { appendFileSync, closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import type { Log } from '../../broker/ground/types.ts'

export interface ServerLogOptions {
  /** undefined: stderr */
  readonly file: string | undefined
  /** A larger file is set aside, its name followed by the time; 0 = never. bytes */
  readonly maxFileBytes: number
  readonly hasTime: boolean
  readonly isDebug: boolean
  readonly isTrace: boolean
}

type Label = 'TRC' | 'DBG' | 'INF' | 'WRN' | 'ERR' | 'FTL'

export class ServerLog {
  #options: ServerLogOptions
  #fd: number | undefined
  #bytes = 0

  /** @throws the system's error when the file cannot be opened */
  constructor(options: ServerLogOptions) {
    this.#options = options
    this.#open()
  }

  /** The broker's own lines. What it tells of its inside, nats-server would tell when it debugs. */
  readonly broker: Log = brokerLog((label, text) => this.#write(label, text))

  info(text: string): void {
    this.#write('INF', text)
  }

  warn(text: string): void {
    this.#write('WRN', text)
  }

  error(text: string): void {
    this.#write('ERR', text)
  }

  debug(text: string): void {
    this.#write('DBG', text)
  }

  fatal(text: string): void {
    this.#write('FTL', text)
  }

  /** Goes on as these options say, in another file where they name one. */
  reconfigure(options: ServerLogOptions): void {
    const isElsewhere = options.file !== this.#options.file
    this.#options = options
    if (isElsewhere) this.reopen()
  }

  /** Writes into a new file of the same name, where somebody moved the old one away. */
  reopen(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#open()
  }

  #open(): void {
    const { file } = this.#options
    this.#fd = file === undefined ? undefined : openSync(file, 'a', 0o640)
    this.#bytes = file === undefined ? 0 : (statSync(file, { throwIfNoEntry: false })?.size ?? 0)
  }

  #write(label: Label, text: string): void {
    const { isDebug, isTrace, hasTime, maxFileBytes, file } = this.#options
    if ((label === 'DBG' && !isDebug) || (label === 'TRC' && !isTrace)) return
    const line = `[${process.pid}] ${hasTime ? `${timestamp(new Date())} ` : ''}[${label}] ${text.replaceAll('\n', ' ')}\n`
    if (this.#fd === undefined) return void process.stderr.write(line)
    try {
      // At once, as nats-server does: the last lines before an end are those that matter.
      this.#bytes += writeSync(this.#fd, line)
      if (maxFileBytes > 0 && this.#bytes > maxFileBytes) this.#setAside(file!)
    } catch {
      // A full disk must not end the server.
    }
  }

  #setAside(file: string): void {
    const aside = `${file}.${timestamp(new Date()).replaceAll(/[/ :]/g, '.')}`
    renameSync(file, aside)
    this.reopen()
    appendFileSync(file, `[${process.pid}] [INF] Rotated log, backup saved as ${JSON.stringify(aside)}\n`)
  }
}

/** Local time to the microsecond, as far as the clock has it. */
function timestamp(now: Date): string {
  const two = (part: number): string => String(part).padStart(2, '0')
  const micros = String(Math.floor((performance.timeOrigin + performance.now()) * 1000) % 1000).padStart(3, '0')
  return `${now.getFullYear()}/${two(now.getMonth() + 1)}/${two(now.getDate())} ${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}.${String(now.getMilliseconds()).padStart(3, '0')}${micros}`
}

function brokerLog(write: (label: Label, text: string) => void, common: object = {}): Log {
  const line = (label: Label) => (fields: object, text: string) => write(label, text + shown({ ...common, ...fields }))
  const debug = (fields: object, text: string): void => {
    if (isOperation(fields)) write('TRC', `${fields.address} - ${fields.connection.replace('conn-', 'cid:')} - <<- [${fields.operation}]`)
    else line('DBG')(fields, text)
  }
  return { debug, info: line('DBG'), warn: line('WRN'), error: line('ERR'), child: (fields) => brokerLog(write, { ...common, ...fields }) }
}

/** What a client sent, as the broker logs it with `nats.traces`. */
function isOperation(fields: object): fields is { readonly address: string; readonly connection: string; readonly operation: string } {
  return 'operation' in fields && 'connection' in fields
}

function shown(fields: object): string {
  const parts = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value instanceof Error ? value.message : typeof value === 'object' ? JSON.stringify(value) : String(value)}`]))
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}
