// The broker's home directory: where its files are, how the directory and the token come to be. Knows nothing of what runs in it.

import { randomBytes } from 'node:crypto'
import { accessSync, chmodSync, constants, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { BrokerError } from './errors.ts'

/** Absolute paths of everything in a home. None of them need exist. */
export interface HomePaths {
  readonly home: string
  /** The Unix socket, unless the configuration names another. */
  readonly socket: string
  /** The one where gRPC is spoken, unless the configuration names another. */
  readonly grpcSocket: string
  /** The owner's credential, text, mode 0600. */
  readonly token: string
  /** Who holds the home; see home-lock.ts. */
  readonly pid: string
  readonly logs: string
  /** Structured log, one JSON object per line. */
  readonly log: string
  /** What a broker in the background writes to stdout and stderr. */
  readonly out: string
  /** Who did what, chained; files set aside have `.1` and so on behind the name. */
  readonly audit: string
  /** Channels that were created at run time. */
  readonly channels: string
  /** How agents ended that did so unasked or badly: a directory for each. */
  readonly crashes: string
}

const GROUP_OR_OTHERS_WRITE = 0o022
const TOKEN_BYTES = 32

/** The home that the environment names: `CALLBOARD_HOME`, or `~/.callboard`. Absolute; it need not exist. */
export function homeFromEnvironment(environment: NodeJS.ProcessEnv = process.env): string {
  return resolve(environment['CALLBOARD_HOME'] || join(homedir(), '.callboard'))
}

/** The files of `home`, which may be a relative path. */
export function homePaths(home: string): HomePaths {
  const root = resolve(home)
  const logs = join(root, 'logs')
  return {
    home: root,
    socket: join(root, 'callboard.sock'),
    grpcSocket: join(root, 'grpc.sock'),
    token: join(root, 'token'),
    pid: join(root, 'callboard.pid'),
    logs,
    log: join(logs, 'callboard.log'),
    out: join(logs, 'callboard.out'),
    audit: join(root, 'audit.log'),
    channels: join(root, 'channels.json'),
    crashes: join(root, 'crashes'),
  }
}

/**
 * Makes the home and its log folder where they are missing, with mode 0700.
 * A directory that exists keeps its mode (`--home /tmp` must not close /tmp to everyone), but one that others may write
 * to is refused: they could replace the token and the socket.
 * @throws BrokerError `home.unusable`
 */
export function prepareHome(home: string): HomePaths {
  const paths = homePaths(home)
  try {
    mkdirSync(paths.home, { recursive: true, mode: 0o700 })
    const { mode } = statSync(paths.home)
    if ((mode & GROUP_OR_OTHERS_WRITE) !== 0) throw unusable(paths, `others may write to it (mode ${formatMode(mode)}); run chmod 700 ${paths.home}, or choose a directory of your own`)
    accessSync(paths.home, constants.R_OK | constants.W_OK | constants.X_OK)
    mkdirSync(paths.logs, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw asUnusable(paths, error)
  }
  return paths
}

/**
 * The owner's token, made at the first call: 256 random bits as base64url. Its file is closed to others (0600).
 * @throws BrokerError `home.unusable` when it can be neither read nor made, or is empty
 */
export function ensureToken(paths: HomePaths): string {
  try {
    // A reader never sees half a token and two makers agree on one: the file appears whole, under its name, or not at all.
    createWhole(paths.token, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`)
    chmodSync(paths.token, 0o600)
    const token = readFileSync(paths.token, 'utf8').trim()
    if (token === '') throw unusable(paths, 'its token file is empty; delete it and start again, a new token is made then')
    return token
  } catch (error) {
    throw isFull(error) ? unwritable(paths, paths.token, error) : asUnusable(paths, error)
  }
}

/**
 * Makes the file `path` (0600) with all of `content` in one step; false when it exists already.
 * By a hard link: file systems without those have no Unix sockets either.
 */
export function createWhole(path: string, content: string): boolean {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    writeFileSync(draft, content, { mode: 0o600, flag: 'wx' })
    linkSync(draft, path)
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

/** What `write` gives, which writes the file `path` of the home. @throws BrokerError `home.unusable`, with the file, where the system refuses: on a full disk it names none itself */
export function writingHome<T>(paths: HomePaths, path: string, write: () => T): T {
  try {
    return write()
  } catch (error) {
    if (error instanceof BrokerError) throw error
    throw unwritable(paths, path, error)
  }
}

/** Permission bits as people write them: `0700`. */
export function formatMode(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}

/** True for an error of the operating system with that code, such as `ENOENT`. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function asUnusable(paths: HomePaths, error: unknown): BrokerError {
  if (error instanceof BrokerError) return error
  if (isCode(error, 'EEXIST') || isCode(error, 'ENOTDIR')) return unusable(paths, 'it is not a directory; choose another with --home or CALLBOARD_HOME', error)
  if (isCode(error, 'EACCES') || isCode(error, 'EPERM') || isCode(error, 'EROFS')) return unusable(paths, 'no permission to write there; check its owner and mode, or choose another with --home or CALLBOARD_HOME', error)
  return unusable(paths, error instanceof Error ? error.message : String(error), error)
}

function isFull(error: unknown): boolean {
  return isCode(error, 'ENOSPC') || isCode(error, 'EDQUOT')
}

function unwritable(paths: HomePaths, path: string, error: unknown): BrokerError {
  const problem = isFull(error) ? `${path} cannot be written, as the disk or the quota is full; free some space there (df -h ${paths.home}), or choose another home with --home or CALLBOARD_HOME` : `${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`
  return unusable(paths, problem, error)
}

function unusable(paths: HomePaths, problem: string, cause?: unknown): BrokerError {
  return new BrokerError('home.unusable', { home: paths.home, problem }, cause === undefined ? undefined : { cause })
}
