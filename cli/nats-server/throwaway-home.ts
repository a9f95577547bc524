// A home for one run, in the directory for temporary files. What killed runs left there is cleared away by the next.
//
//   <tmp>/callboard-nats-<uid>/<pid>/    callboard.sock, token, audit.log …

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { isCode } from '../../broker/ground/home.ts'

const GROUP_OR_OTHERS_WRITE = 0o022

/** Absolute path of an empty directory that is this process's own. */
export function makeThrowawayHome(): string {
  const base = runsDirectory()
  if (base === undefined) return mkdtempSync(join(tmpdir(), 'callboard-nats-'))
  const home = join(base, String(process.pid))
  // Of a killed run that had the same pid.
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { mode: 0o700 })
  return home
}

/** Removes the homes of runs that were killed. Not at the start: after many of them it takes as long as all the rest. */
export async function clearLeftovers(): Promise<void> {
  const base = runsDirectory()
  if (base === undefined) return
  const left = pidsIn(base).filter((pid) => !isRunning(pid))
  // What cannot be removed now is removed by a later run.
  await Promise.allSettled(left.map((pid) => rm(join(base, String(pid)), { recursive: true, force: true })))
}

export function removeThrowawayHome(home: string): void {
  rmSync(home, { recursive: true, force: true, maxRetries: 2 })
}

/** Pids of this user's servers that run with a home of this kind, this process aside. */
export function runningServers(): number[] {
  const base = runsDirectory()
  return base === undefined ? [] : pidsIn(base).filter((pid) => pid !== process.pid && isRunning(pid))
}

/** undefined: somebody else was there first, who could exchange what lies in it. */
function runsDirectory(): string | undefined {
  const { uid } = userInfo()
  const base = join(tmpdir(), `callboard-nats-${uid}`)
  mkdirSync(base, { recursive: true, mode: 0o700 })
  const status = statSync(base)
  return status.uid === uid && (status.mode & GROUP_OR_OTHERS_WRITE) === 0 ? base : undefined
}

function pidsIn(base: string): number[] {
  return readdirSync(base).filter((name) => /^\d+$/.test(name)).map(Number)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: somebody else's process has that number now, or it changed its user.
    return isCode(error, 'EPERM')
  }
}
