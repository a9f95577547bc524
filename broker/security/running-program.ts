// What /proc says about a running process: its executable, its arguments, where they are resolved. Judges nothing.

import { readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { processStamp } from '../ground/process-stamp.ts'

/** The program that a process runs. */
export interface RunningProgram {
  /** Path of the executable, links resolved; ends with ` (deleted)` when the file was removed or replaced meanwhile. */
  readonly executable: string
  /** Which file that is, whatever its name. */
  readonly executableFile: string
  /** Arguments behind the program's name. The process can rewrite them. */
  readonly args: readonly string[]
  /** The variable NODE_OPTIONS with which it was started. */
  readonly nodeOptions: string
  readonly directory: string
}

/**
 * The program that process `pid` runs now. undefined when it cannot be told: no such process, another user's, a system
 * without /proc, or another process took the pid while this one was looked at.
 */
export function readProgram(pid: number, stampOf: (pid: number) => string | undefined = processStamp): RunningProgram | undefined {
  try {
    const stamp = stampOf(pid)
    const program = {
      executable: readlinkSync(`/proc/${pid}/exe`),
      executableFile: fileIdentity(`/proc/${pid}/exe`),
      args: readList(`/proc/${pid}/cmdline`).slice(1),
      nodeOptions: readList(`/proc/${pid}/environ`).find(entry => entry.startsWith('NODE_OPTIONS='))?.slice('NODE_OPTIONS='.length) ?? '',
      directory: readlinkSync(`/proc/${pid}/cwd`),
    }
    return stamp !== undefined && stampOf(pid) === stamp ? program : undefined
  } catch {
    return undefined
  }
}

/**
 * True when the file that process `pid` means by `path`, seen from `directory`, is the file `expected`: by its path with
 * links resolved and by its inode. The path, as a hard link elsewhere would import other neighbours; the inode, as in
 * another mount namespace the same path is another file.
 */
export function isSameScript(pid: number, directory: string, path: string, expected: string): boolean {
  try {
    const real = realpathSync(resolve(directory, path))
    return real === realpathSync(expected) && fileIdentity(`/proc/${pid}/root${real}`) === fileIdentity(real)
  } catch {
    return false
  }
}

/** True when `program` runs the very file `expected`: a copy, or another file of that name, is not it. */
export function isSameExecutable(program: RunningProgram, expected: string): boolean {
  try {
    const real = realpathSync(expected)
    return program.executable === real && program.executableFile === fileIdentity(real)
  } catch {
    return false
  }
}

/** Device and inode. Big integers, as inodes of some file systems use all 64 bits. */
function fileIdentity(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true })
  return `${dev}:${ino}`
}

/** The texts of a list that ends each with a NUL byte. */
function readList(path: string): string[] {
  const list = readFileSync(path, 'utf8').split('\0')
  list.pop()
  return list
}
