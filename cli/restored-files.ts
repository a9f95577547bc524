// The files of a home that a backup brings: written beside those that are there while nothing is changed yet, and put in their place by renames, so that
// a restore that fails leaves the home as it was.

import { copyFileSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError } from '../broker/ground/errors.ts'
import type { BackupContents } from '../broker/store/embedded/backup-file.ts'

/** The only files that a backup may bring into a home, whatever is written in it. */
export const homeFiles = ['channels.json', 'broker.json'] as const
/** The home that was backed up may have started so often since: message ids, of which the incarnation is part, must not come twice. */
const STARTS_SINCE = 1000

export class RestoredFiles {
  readonly #home: string
  /** Files that are written, by the path that they are to have. */
  readonly #drafts = new Map<string, string>()
  /** Copies of those that are replaced. */
  readonly #asides: string[] = []

  constructor(home: string) {
    this.#home = home
  }

  /**
   * @param file the backup, for its name
   * @throws BrokerError `backup.invalid`, `store.no_space`; nothing is left then
   */
  write({ files }: BackupContents, file: string): void {
    try {
      for (const name of homeFiles) {
        const text = files[name]
        if (text !== undefined) this.#write(join(this.#home, name), name === 'broker.json' ? laterIdentity(text) : text)
      }
    } catch (error) {
      this.abandon()
      const { code, message } = error as NodeJS.ErrnoException
      throw code === 'ENOSPC' ? new BrokerError('store.no_space', { path: this.#home }, { cause: error }) : new BrokerError('backup.invalid', { file, problem: message }, { cause: error })
    }
  }

  /** Returns where those of before are. */
  put(): readonly string[] {
    for (const [path, draft] of this.#drafts) renameSync(draft, path)
    return this.#asides
  }

  /** Nothing was changed. */
  abandon(): void {
    for (const path of [...this.#drafts.values(), ...this.#asides]) rmSync(path, { force: true })
  }

  #write(path: string, text: string): void {
    if (existsSync(path)) {
      const aside = `${path}.replaced-${Date.now()}`
      copyFileSync(path, aside)
      this.#asides.push(aside)
    }
    const draft = `${path}.${process.pid}`
    this.#drafts.set(path, draft)
    writeFileSync(draft, text, { mode: 0o600, flush: true })
  }
}

function laterIdentity(text: string): string {
  const { broker, incarnation } = JSON.parse(text) as { broker: string; incarnation: number }
  return `${JSON.stringify({ broker, incarnation: incarnation + STARTS_SINCE })}\n`
}
