// The structured log: one JSON object per line in a file that is set aside when it has grown large.

import { renameSync, statSync } from 'node:fs'
import pino from 'pino'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import type { LogSettings } from '../broker/ground/settings.ts'
import type { Log } from '../broker/ground/types.ts'

const LARGE_BYTES = 64 * 1024 * 1024
const LOOK_MS = 60_000
/** Lines that wait for the disk; what comes above it is lost. */
const MAX_WAITING_BYTES = 1024 * 1024

/** Members whose value must never be read by anyone, wherever a careless call puts them. */
const SECRETS = ['token', 'auth', 'mac', 'key', 'password', 'secret', '*.token', '*.auth', '*.mac', '*.key', '*.password', '*.secret']

type Destination = ReturnType<typeof pino.destination>

/** A log and the file behind it. Lines: `{level, time, actor?, msg, …}`, `time` in ms since the epoch. */
export class LogFile {
  readonly log: Log
  readonly #path: string
  #destination: Destination | undefined
  /** Lines from before `open()`. */
  #early: string[] = []
  /** Takes every line besides the file; set once, before the first. */
  copyTo: ((line: string) => void) | undefined = undefined
  #isClosed = false
  #hasComplained = false
  readonly #complain: (text: string) => void

  /** `path` lies in a directory that exists when `open()` is called; `complain` is told once when lines cannot be written. */
  constructor(path: string, settings: LogSettings, complain: (text: string) => void = (text) => void process.stderr.write(text)) {
    this.#path = path
    this.#complain = complain
    const options = { level: settings.level, base: null, redact: { paths: SECRETS, censor: '[redacted]' }, formatters: { level: (level: string) => ({ level }) } }
    this.log = pino(options, { write: line => this.#write(line) })
  }

  /** Begins to write; what was logged before comes first. Called once, when no other process has the file. */
  open(): void {
    const destination = pino.destination({ dest: this.#path, append: true, sync: false, mode: 0o600, maxLength: MAX_WAITING_BYTES })
    let isReady = false
    destination.once('ready', () => (isReady = true))
    // A full disk must not end the broker: what cannot be written is lost, and said once.
    destination.on('error', (error: Error) => {
      if (!this.#hasComplained) this.#complain(`callboard: the log cannot be written: ${error.message}\n`)
      this.#hasComplained = true
      // Pino calls it when the process exits, and it tries again for ever where the disk is full.
      destination.flushSync = () => {}
      // It would keep every line for a file that never opens.
      if (!isReady) this.#forget()
    })
    this.#destination = destination
    for (const line of this.#early) destination.write(line)
    this.#early = []
  }

  /** Sets the file aside as `.1` when it is larger than 64 MiB, now and once a minute until the deadlines are closed. */
  watchSize(deadlines: Deadlines): void {
    const look = new Deadline(() => {
      if ((statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) > LARGE_BYTES) {
        renameSync(this.#path, `${this.#path}.1`)
        this.#destination?.reopen()
      }
      deadlines.set(look, LOOK_MS)
    })
    look.expire()
  }

  /** Resolves when what was logged is written, or cannot be. What is logged later is lost, as is everything when it was never opened. */
  close(): Promise<void> {
    const destination = this.#destination
    this.#forget()
    if (destination === undefined) return Promise.resolve()
    return new Promise(resolve => {
      destination.once('close', () => resolve())
      destination.once('error', () => resolve())
      destination.end()
    })
  }

  #forget(): void {
    this.#isClosed = true
    this.#destination = undefined
    this.#early = []
  }

  #write(line: string): void {
    this.copyTo?.(line)
    if (this.#destination !== undefined) this.#destination.write(line)
    else if (!this.#isClosed) this.#early.push(line)
  }
}
