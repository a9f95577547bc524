// What the figures were taken on; a figure without it means nothing.

import { execFileSync } from 'node:child_process'
import { arch, cpus, loadavg, platform, release } from 'node:os'

export interface Environment {
  readonly takenAt: string
  readonly commit: string | undefined
  readonly node: string
  readonly nats: string | undefined
  readonly system: string
  readonly cpu: string
  readonly cpus: number
  /** Load average of the last minute before the first run: above 0 somebody else was measured too. */
  readonly loadBefore: number
}

export function describeEnvironment(nats: string | undefined): Environment {
  return {
    takenAt: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    nats,
    system: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    loadBefore: loadavg()[0]!,
  }
}

// A tarball has no history.
function commit(): string | undefined {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}
