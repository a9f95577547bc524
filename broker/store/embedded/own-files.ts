// Whether the files that a store has open are still those at its path: what is written to a deleted file goes with the process.

import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import { BrokerError } from '../../ground/errors.ts'

export class OwnFiles {
  readonly #numbers: ReadonlyMap<string, number | undefined>

  /** @param paths files that are open now, and stay the same while they are */
  constructor(paths: readonly string[]) {
    this.#numbers = new Map(paths.map((path) => [path, inodeOf(path)]))
  }

  /**
   * Called before each commit; 2 µs a file. Works again when the same files are moved back.
   * @throws BrokerError `store.failed`: one of them was deleted, moved or replaced
   */
  check(): void {
    for (const [path, number] of this.#numbers) {
      const actual = inodeOf(path)
      if (actual === number) continue
      const what = actual === undefined ? 'has been deleted or moved' : 'has been replaced by another file'
      throw new BrokerError('store.failed', {
        backend: 'embedded',
        problem: `${path} ${what} while the broker has it open, and nothing more is stored there: move it back, or save what it holds (cp -L /proc/${process.pid}/fd/N), stop the broker and run callboard queue repair`,
      })
    }
  }
}

/** An empty file that nobody else can read, in a directory that others may enter. One that is there stays as it is. */
export function makePrivate(path: string): void {
  // Never opens an existing one: closing that would give up all locks of this process on it (POSIX).
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}
