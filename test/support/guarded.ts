// Servers of tests end with the test process, however that ends.

import { spawn, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'

/** Where a test process is killed itself, or gives up, its teardowns do not run: then a shell sees its stdin end, and kills the server. */
export function guard(child: ChildProcess): void {
  if (child.pid === undefined) return
  const shell = spawn('sh', ['-c', 'read -r _; kill -9 "$1"', 'sh', String(child.pid)], { stdio: ['pipe', 'ignore', 'ignore'] })
  shell.unref()
  ;(shell.stdin as Socket).unref()
  shell.on('error', () => {})
  // Before the number can be another process's.
  child.once('exit', () => shell.kill('SIGKILL'))
}
