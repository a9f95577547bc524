// Makes this process another program, as a shell's `exec` does. Plain JavaScript of Node 18.

/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access -- plain JavaScript: nothing here has types */
import { createRequire } from 'node:module'

/** fcntl.h: the same number on every system that Node runs on. */
const F_SETFD = 2
const STANDARD_STREAMS = [0, 1, 2]

/**
 * Runs `program` with these words in the place of this process: pid, parent and streams stay. Returns only where that
 * cannot be done, and has changed nothing then.
 */
export function become(program, words) {
  if (process.platform === 'win32') return
  try {
    const koffi = createRequire(import.meta.url)('koffi')
    const libc = koffi.load(null)
    const keepOpen = libc.func('int fcntl(int fd, int command, ...)')
    // Node closes what it inherited when it makes way for another program (uv_disable_stdio_inheritance).
    for (const fd of STANDARD_STREAMS) keepOpen(fd, F_SETFD, 'int', 0)
    libc.func('int execv(const char *path, char **argv)')(program, [program, ...words, null])
  } catch {
    // No koffi for this system: the caller has another way.
  }
}
