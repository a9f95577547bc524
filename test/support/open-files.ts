// How many files a running process may have open, set from outside as `prlimit` does: so that it finds none left, and some again.

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'

const mayLimit = process.platform === 'linux' && spawnSync('prlimit', ['--pid', String(process.pid), '--nofile']).status === 0

/** Declares a story in which a process runs out of descriptors; no other one of its file runs beside it. */
export function openFilesStory(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  if (mayLimit) test.serial(title, run)
  else test.skip(`${title} (left out: prlimit is not there)`, run)
}

/** From now on the process can open nothing, neither a file nor a connection, unless it closes something first; returns what ends that. */
export function takeDescriptors(pid: number): () => void {
  const before = limitOf(pid)
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  let free = 0
  while (used.has(free)) free++
  setLimit(pid, free)
  return () => setLimit(pid, before)
}

function limitOf(pid: number): number {
  return Number(spawnSync('prlimit', ['--pid', String(pid), '--nofile', '--output', 'SOFT', '--noheadings', '--raw']).stdout.toString().trim())
}

// The soft limit alone: raising it again needs no rights.
function setLimit(pid: number, count: number): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${count}:`])
  if (status !== 0) throw new Error(`prlimit: ${stderr.toString()}`)
}
