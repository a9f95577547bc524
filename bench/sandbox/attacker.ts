// An agent that takes what it can get of processors and memory, within bounds of its own: 8 processes of 100 MiB, which end with it.
// Usage: attacker.ts [burn]

import { spawn } from 'node:child_process'

const CHILDREN = 8
const MEMORY_BYTES = 100 * 1024 * 1024
const END_MS = 120_000

if (process.argv[2] === 'burn') {
  const taken = Buffer.alloc(MEMORY_BYTES)
  // Nobody has to end it: a bench that was killed leaves nothing behind for long.
  const end = performance.now() + END_MS
  for (let at = 0; performance.now() < end; at = (at + 4096) % MEMORY_BYTES) taken[at] = at
} else {
  const children = Array.from({ length: CHILDREN }, () => spawn(process.execPath, [import.meta.filename, 'burn'], { stdio: 'ignore' }))
  for (const child of children) child.on('error', () => {})
  const leave = (): void => {
    for (const child of children) child.kill('SIGKILL')
    process.exit(0)
  }
  process.on('SIGTERM', leave)
  process.stdin.on('end', leave).resume()
}
