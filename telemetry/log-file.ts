// The structured log: one JSON object per line in a file that is set aside when it has grown large.

import { renameSync, statSync } from 'node:fs'
import pino from 'pino'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import type { LogSettings } from '../broker/ground/settings.ts'
import type { Log } from '../broker/ground/types.ts'

const LARGE_BYTES = 64 * 1024 * 1024
const LOOK_MS = 60_000

/** Members whose value must never be read by anyone, wherever a careless call puts them. */
const SECRETS = ['token', 'auth', 'mac', 'key', 'password', 'secret', '*.token', '*.auth', '*.mac', '*.key', '*.password', '*.secret']

export interface LogFile {
  readonly log: Log
  /** Sets the file aside as `.1` when it is larger than 64 MiB, now and once a minute. */
  watchSize(deadlines: Deadlines): () => void
  /** Writes what is buffered. */
  flush(): void
}

/** Opens the log at `path`, whose directory exists. Lines: `{level, time, actor?, msg, …}`, `time` in ms since the epoch. */
export function openLogFile(path: string, settings: LogSettings): LogFile {
  const destination = pino.destination({ dest: path, append: true, sync: false, mode: 0o600 })
  // A full disk must not end the broker: what cannot be written is lost, and said once on stderr.
  destination.on('error', (error: Error) => complain(error))
  const log = pino({ level: settings.level, base: null, redact: { paths: SECRETS, censor: '[redacted]' }, formatters: { level: (level) => ({ level }) } }, destination)
  return {
    log,
    watchSize(deadlines) {
      const look = new Deadline(() => {
        if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LARGE_BYTES) {
          renameSync(path, `${path}.1`)
          destination.reopen()
        }
        deadlines.set(look, LOOK_MS)
      })
      look.expire()
      return () => deadlines.cancel(look)
    },
    flush() {
      try {
        destination.flushSync()
      } catch (error) {
        complain(error instanceof Error ? error : new Error(String(error)))
      }
    },
  }
}

let hasComplained = false

function complain(error: Error): void {
  if (hasComplained) return
  hasComplained = true
  process.stderr.write(`callboard: the log cannot be written: ${error.message}\n`)
}
