// Who holds a home: at most one broker. Knows the pid file, not what a broker does.
//
//   callboard.pid    pid            the first line alone is enough for `kill $(head -1 callboard.pid)`
//                    stamp          tells the process from a later one with the same pid
//                    socket         where it listens, when that is not the home's own socket
//                    place          of the directory; a copy of the file in a copy of the home says nothing of that one
//
// A home is held while the process of the pid file runs, or while somebody answers on its socket. Either is enough: a
// broker that is still starting has no socket yet, and one in another container has no pid that can be seen from here.

import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { BrokerError } from './errors.ts'
import { createWhole, isCode, writingHome, type HomePaths } from './home.ts'
import { processStamp } from './process-stamp.ts'

export interface Holder {
  /** 0 when somebody answers on the socket and no pid file says who. */
  readonly pid: number
  readonly socket: string
}

export interface HomeLock {
  /** Gives the home back; what another process wrote meanwhile stays. */
  release(): void
  /** Takes it back from the process that it was passed on to, and that is gone. */
  retake(): void
}

const RETRY_MS = 10
const ATTEMPTS = 200

/**
 * Takes the home for this process until `release()`, and leaves a pid file that says so.
 * @param socket where this process will listen
 * @throws BrokerError `broker.held` naming the pid when another process has it, `home.unusable` when the pid file cannot be written
 */
export async function lockHome(paths: HomePaths, socket: string = paths.socket): Promise<HomeLock> {
  const own = recordOf(paths, socket)
  for (let attempt = 1; ; attempt++) {
    const holder = await findHolder(paths)
    if (holder !== undefined) throw held(paths, holder.pid)
    const rival = writingHome(paths, paths.pid, () => claim(paths.pid, own))
    if (rival === undefined) return lockOf(paths, own)
    // Somebody else takes the home over in this moment: its pid file follows at once.
    if (attempt === ATTEMPTS) throw held(paths, rival)
    await delay(RETRY_MS)
  }
}

/**
 * Takes the home over from the process `from`, which passes it on or is gone: whoever looks finds one of the two.
 * @throws BrokerError `broker.held` when it is a third one's, `home.unusable` when the pid file cannot be written
 */
export function inheritHome(paths: HomePaths, socket: string, from: number): HomeLock {
  const record = read(paths.pid)
  if (record !== undefined && record.pid !== from && isRunning(record)) throw held(paths, record.pid)
  const own = recordOf(paths, socket)
  writingHome(paths, paths.pid, () => replace(paths.pid, own))
  return lockOf(paths, own)
}

/** Who holds the home, or undefined when nobody does. Leftovers of a broker that was killed do not count. */
export async function findHolder(paths: HomePaths): Promise<Holder | undefined> {
  const record = read(paths.pid)
  if (record !== undefined && isRunning(record)) return { pid: record.pid, socket: record.socket ?? paths.socket }
  const socket = record?.socket ?? paths.socket
  if (!(await isAnswering(socket))) return undefined
  // The file named nobody who runs, yet somebody answers: it was written just now, or elsewhere.
  const now = read(paths.pid)
  return { pid: now !== undefined && isRunning(now) ? now.pid : 0, socket }
}

/** Where the latest broker of this home listens or listened; the home's own socket when no pid file says otherwise. */
export function recordedSocket(paths: HomePaths): string {
  return read(paths.pid)?.socket ?? paths.socket
}

/** True when somebody listens on the Unix socket. It is not said who, nor whether it speaks our protocol. */
export function isAnswering(socketPath: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(socketPath)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // EAGAIN: it listens, and its queue of new connections is full.
    socket.once('error', error => resolve(isCode(error, 'EAGAIN')))
  })
}

/**
 * Makes the file `path` with `own` in it, or replaces one whose writer is gone; returns the pid of the process that was
 * faster, or undefined when this one has it.
 *
 * Replacing is the dangerous part: of two that both saw the dead writer, the second would throw the first one's new file
 * away. So a claim on the dead writer comes first, named after what it wrote, and under it the file is read again. That
 * claim is a file of the same kind: whoever dies in the middle is replaced the same way, one level deeper.
 */
function claim(path: string, own: string): number | undefined {
  if (createWhole(path, own)) return undefined
  const stale = read(path)
  if (stale === undefined) return 0
  if (isRunning(stale)) return stale.pid
  const guard = `${path}.${createHash('sha256').update(stale.content).digest('hex').slice(0, 16)}`
  const rival = claim(guard, own)
  if (rival !== undefined) return rival
  try {
    const current = read(path)
    if (current?.content !== stale.content) return current?.pid ?? 0
    replace(path, own)
    return undefined
  } finally {
    removeIf(guard, own)
  }
}

function recordOf(paths: HomePaths, socket: string): string {
  return `${process.pid}\n${processStamp(process.pid) ?? ''}\n${socket}\n${placeOf(paths.pid)}\n`
}

function lockOf(paths: HomePaths, own: string): HomeLock {
  return { release: () => removeIf(paths.pid, own), retake: () => retake(paths.pid, own) }
}

// Where it is still this process's nothing is written: a full disk keeps nobody from what is his.
function retake(path: string, own: string): void {
  if (read(path)?.content !== own) replace(path, own)
}

// Whole at any moment.
function replace(path: string, content: string): void {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(draft, content, { mode: 0o600, flag: 'wx' })
  renameSync(draft, path)
}

interface PidRecord {
  readonly content: string
  readonly pid: number
  readonly stamp: string | undefined
  readonly socket: string | undefined
}

function isRunning(record: PidRecord): boolean {
  return record.stamp !== undefined && processStamp(record.pid) === record.stamp
}

function read(path: string): PidRecord | undefined {
  try {
    const content = readFileSync(path, 'utf8')
    const [pid, stamp, socket, place] = content.split('\n')
    if (place && place !== placeOf(path)) return { content, pid: 0, stamp: undefined, socket: undefined }
    return { content, pid: Number(pid) || 0, stamp, socket: socket || undefined }
  } catch (error) {
    // ENOTDIR: the home is a file, so nobody holds it.
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined
    throw error
  }
}

/** The directory of a file, whatever it is called: a home that was moved keeps it, and one reached by a link has the same. */
function placeOf(path: string): string {
  const { dev, ino } = statSync(dirname(path))
  return `${dev}:${ino}`
}

function removeIf(path: string, content: string): void {
  if (read(path)?.content === content) rmSync(path, { force: true })
}

function held(paths: HomePaths, pid: number): BrokerError {
  return new BrokerError('broker.held', { home: paths.home, pid: pid === 0 ? 'unknown' : String(pid) })
}
