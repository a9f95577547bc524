// A directory of its own for one test, removed when the test ends. Knows nothing of what is put there.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'

/** What of AVA's `t` is needed, so that set-up that is not a test can pass its own. */
export type Teardown = Pick<ExecutionContext, 'teardown'>

/**
 * Absolute path of a new empty directory, mode 0700, removed with all it holds after the teardowns that the test adds later (AVA runs the last one first).
 * Kept short: the path of a Unix socket in it must stay within 107 bytes (sun_path of Linux).
 */
export function temporaryDirectory(t: Teardown): string {
  // realpath: where the system's own temporary directory is a link, what a child process reports must still compare equal.
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'cb-')))
  // Again while somebody who has just been killed still writes there.
  t.teardown(() => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }))
  return path
}
