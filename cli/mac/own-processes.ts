// Homes that running processes of this user point to, by Linux's /proc. Whether a broker runs in them is not said.

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { isSocketDraft } from '../../broker/ground/socket-draft.ts'

export interface NamedHome {
  /** Absolute. */
  readonly home: string
  /** Who points to it, for people. */
  readonly by: string
}

const START = /(?:^|\/)(?:callboard(?:\.mjs)?|cli\/main\.[jt]s)$/
/** Flags of a listening socket in /proc/net/unix: __SO_ACCEPTCON. */
const LISTENING = '00010000'
/** The broker's, in its home. */
const SOCKET = 'callboard.sock'

/** A home for each other process that names one, by its command line or its environment. Empty where there is no /proc. */
export function* homesOfProcesses(proc = '/proc'): Generator<NamedHome> {
  for (const pid of list(proc).filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const directory = join(proc, pid)
    // A process may end between any two of these reads.
    const named = isOwn(directory) ? attempt(() => homeOf(directory, pid)) : undefined
    if (named !== undefined) yield named
  }
}

/** Directories in which a socket with the broker's name listens: brokers within other programs are found by these alone. */
export function* homesOfSockets(proc = '/proc'): Generator<NamedHome> {
  for (const line of (attempt(() => readFileSync(join(proc, 'net/unix'), 'utf8')) ?? '').split('\n')) {
    const [, flags, path] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +\d+ (\/.*)$/.exec(line) ?? []
    // A broker's is bound under another name than the one that it has since, and the kernel knows the first alone.
    if (flags !== LISTENING || path === undefined || !(basename(path) === SOCKET || isSocketDraft(basename(path)))) continue
    if (isOwn(join(dirname(path), SOCKET))) yield { home: dirname(path), by: 'its socket' }
  }
}

function homeOf(directory: string, pid: string): NamedHome | undefined {
  const words = readFileSync(join(directory, 'cmdline'), 'utf8').split('\0')
  // There may be credentials among the rest: it is not kept.
  const environment = readFileSync(join(directory, 'environ'), 'utf8').split('\0')
  const given = valueOf(environment, 'CALLBOARD_HOME') || undefined
  const command = words.findIndex(word => START.test(word))
  const isStart = command >= 0 && words.includes('start', command)
  const user = valueOf(environment, 'HOME')
  const home = isStart ? (optionOf(words, '--home') ?? given ?? (user === undefined ? undefined : join(user, '.callboard'))) : given
  if (home === undefined) return undefined
  // A relative path is meant from where the process works. Agents and shells have the home in their environment too.
  return { home: resolve(readlinkSync(join(directory, 'cwd')), home), by: isStart ? `process ${pid}` : 'the environment of a process' }
}

function optionOf(words: readonly string[], name: string): string | undefined {
  const at = words.indexOf(name)
  return at >= 0 ? words[at + 1] : valueOf(words, name)
}

function valueOf(entries: readonly string[], name: string): string | undefined {
  return entries.find(entry => entry.startsWith(`${name}=`))?.slice(name.length + 1)
}

function isOwn(path: string): boolean {
  return attempt(() => statSync(path).uid) === process.getuid?.()
}

function list(directory: string): string[] {
  return attempt(() => readdirSync(directory)) ?? []
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
