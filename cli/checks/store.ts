// Checks where queues are kept: the directory and the keys of the embedded store, or whether its servers answer. Opens no store.

import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { findHolder } from '../../broker/ground/home-lock.ts'
import { formatMode } from '../../broker/ground/home.ts'
import type { Settings } from '../../broker/ground/settings.ts'
import type { KeySource, StoreSettings } from '../../broker/ground/store-settings.ts'
import { loadConfigOf } from '../../config/load.ts'
import { accessProblem } from '../../broker/store/embedded/file-access.ts'
import { keyProblem } from '../../broker/store/embedded/key-check.ts'
import type { Context } from '../context.ts'
import { formatBytes, formatDuration } from '../format.ts'
import type { Finding } from './finding.ts'

const LITTLE_DISK_BYTES = 512 * 1024 * 1024
const NO_DISK_BYTES = 16 * 1024 * 1024
const ANSWER_MS = 2000
const OTHERS = 0o077
const KEY = /^(?:[0-9a-f]{64}|[A-Za-z0-9+/_-]{43}=?)$/i

/** `answerMs`: how long a server may take to answer. */
export async function* checkStore(context: Context, file: string | undefined, answerMs = ANSWER_MS): AsyncGenerator<Finding> {
  const settings = await settingsOf(context, file)
  if (settings?.queue.enabled !== true) return
  const { backend, embedded, redis, nats, kafka } = settings.store
  if (backend === 'memory') yield { check: 'store', state: 'ok', text: 'queues are kept in memory: what they hold ends with the broker' }
  if (backend === 'embedded') yield* checkEmbedded(embedded, join(context.paths.home, 'store'), (await findHolder(context.paths)) !== undefined)
  if (backend === 'redis') yield await checkRedis(redis, answerMs)
  if (backend === 'nats') yield await checkServers('nats', nats.servers.map(server => server.replace(/^\w+:\/\//, '')), answerMs, 4222, /^INFO .*"jetstream":true/, 'a NATS server with JetStream')
  if (backend === 'kafka') yield await checkServers('kafka', kafka.brokers, answerMs, 9092, undefined, 'a Kafka broker')
}

// What is wrong with the configuration itself is another check's.
async function settingsOf(context: Context, file: string | undefined): Promise<Settings | undefined> {
  try {
    return (await loadConfigOf({ home: context.paths.home, file })).settings
  } catch {
    return undefined
  }
}

function* checkEmbedded({ path, encryption }: StoreSettings['embedded'], ownPath: string, isInUse: boolean): Generator<Finding> {
  const directory = path ?? ownPath
  yield writable(directory)
  yield space(directory)
  const keys = encryption?.keys
  const found = (keys ?? []).map(source => key(source))
  yield* found
  // A broker that works with the store has its keys, and what a command would print is not known without asking somebody.
  if (isInUse || found.some(({ state }) => state !== 'ok') || keys?.some(source => 'command' in source) === true) return
  const problem = keyProblem(directory, keys)
  if (problem !== undefined) yield { check: 'store key', state: 'fail', text: problem, remedy: 'correct store.embedded.encryption.keys: without its key an encrypted store does not open' }
}

function writable(directory: string): Finding {
  // The first queue makes it: what is above must let it.
  const nearest = existing(directory)
  try {
    if (!statSync(nearest).isDirectory()) return { check: 'store', state: 'fail', text: `${nearest} is not a directory`, remedy: 'move it away, or set store.embedded.path' }
    accessSync(nearest, constants.W_OK | constants.X_OK)
  } catch {
    return { check: 'store', state: 'fail', text: `${nearest} cannot be written to`, remedy: `chown or chmod it, or set store.embedded.path` }
  }
  const forbidden = accessProblem(directory)
  if (forbidden !== undefined) return { check: 'store', state: 'fail', text: forbidden }
  const lost = databaseLost(directory)
  if (lost !== undefined) return { check: 'store', state: 'fail', text: lost, remedy: 'put it back, or run callboard queue repair, or callboard restore FILE --replace' }
  return { check: 'store', state: 'ok', text: nearest === directory ? `${directory}, writable` : `${directory} does not exist yet; the first queue makes it` }
}

/** A broker does not start then, and one that runs refuses what is published. */
function databaseLost(directory: string): string | undefined {
  const size = (name: string): number => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0
  if (size('queues.db') > 0 || size('queues.mark') + size('queues.db-wal') === 0) return undefined
  return `${join(directory, 'queues.db')} is missing or empty, and the files beside it say that there was one`
}

function space(directory: string): Finding {
  const { bavail, bsize } = statfsSync(existing(directory))
  const free = bavail * bsize
  const text = `${formatBytes(free)} free for queues`
  if (free >= LITTLE_DISK_BYTES) return { check: 'store space', state: 'ok', text }
  return { check: 'store space', state: free >= NO_DISK_BYTES ? 'warn' : 'fail', text: `${text}; without any, publishers get store.no_space`, remedy: 'free some, or purge what nobody needs: callboard queue status' }
}

/** A key is looked at, never shown; a command is looked for, not run: it may ask somebody. */
function key(source: KeySource): Finding {
  const check = 'store key'
  if ('command' in source) {
    const program = source.command[0]!
    const places = program.includes('/') ? [program] : (process.env['PATH'] ?? '').split(delimiter).map(place => join(place, program))
    if (places.some(place => isExecutable(place))) return { check, state: 'ok', text: `${program} is there; it is run when the store is opened` }
    return { check, state: 'fail', text: `there is no program ${program} that can be run`, remedy: 'correct store.embedded.encryption.keys' }
  }
  try {
    const { mode } = statSync(source.file)
    if ((mode & OTHERS) !== 0) return { check, state: 'fail', text: `${source.file} is open to others (mode ${formatMode(mode)})`, remedy: `chmod 600 ${source.file}` }
    if (!KEY.test(readFileSync(source.file, 'utf8').trim())) return { check, state: 'fail', text: `${source.file} holds no key of 32 bytes in base64 or hex`, remedy: 'put the right file there; a new key is made by: openssl rand -base64 32' }
    return { check, state: 'ok', text: `${source.file} (mode ${formatMode(mode)})` }
  } catch (error) {
    return { check, state: 'fail', text: `${source.file} cannot be read: ${(error as Error).message}`, remedy: 'without its key an encrypted store does not open; bring the file back' }
  }
}

async function checkRedis({ url, passwordFile }: StoreSettings['redis'], answerMs: number): Promise<Finding> {
  const { hostname, port, protocol } = new URL(url)
  const where = `${hostname.replace(/^\[|\]$/g, '')}:${port === '' ? '6379' : port}`
  if (passwordFile !== undefined && !isReadable(passwordFile)) return { check: 'store', state: 'fail', text: `${passwordFile} cannot be read`, remedy: 'correct store.redis.passwordFile' }
  // Under TLS nothing is said before the handshake: that somebody listens must do.
  return checkServers('redis', [where], answerMs, 6379, protocol === 'rediss:' ? undefined : /^(?:\+PONG|-NOAUTH|-DENIED)/, 'a Redis server', protocol === 'rediss:' ? undefined : 'PING\r\n')
}

/** One of them is enough: the others are found through it. */
async function checkServers(name: string, servers: readonly string[], answerMs: number, defaultPort: number, expected: RegExp | undefined, what: string, question?: string): Promise<Finding> {
  const problems: string[] = []
  for (const server of servers) {
    const [, host = '', port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?/.exec(server) ?? []
    const sentMs = performance.now()
    const problem = await ask({ host: host.replace(/^\[|\]$/g, ''), port: port === undefined ? defaultPort : Number(port) }, answerMs, expected, question)
    if (problem === undefined) return { check: 'store', state: 'ok', text: `${name} at ${server} answers in ${formatDuration(performance.now() - sentMs)}` }
    problems.push(`${server}: ${problem}`)
  }
  return { check: 'store', state: 'fail', text: `no ${what.replace(/^an? /, '')} answers (${problems.join('; ')})`, remedy: `start it, or correct store.${name}; until then publishers to queues get store.unavailable` }
}

/** undefined: it answered as expected. */
function ask(server: { readonly host: string; readonly port: number }, answerMs: number, expected: RegExp | undefined, question: string | undefined): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = connect({ ...server, timeout: answerMs })
    const end = (problem: string | undefined): void => {
      socket.destroy()
      resolve(problem)
    }
    socket.once('connect', () => {
      if (question !== undefined) socket.write(question)
      if (expected === undefined) end(undefined)
    })
    socket.once('data', bytes => end(expected?.test(bytes.toString('latin1')) === false ? 'something else answers there' : undefined))
    socket.once('timeout', () => end(`no answer in ${formatDuration(answerMs)}`))
    socket.once('error', error => end(error.message === '' ? 'nobody listens' : error.message))
  })
}

function existing(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existing(dirname(path))
}

function isExecutable(path: string): boolean {
  return can(path, constants.X_OK) && statSync(path).isFile()
}

function isReadable(path: string): boolean {
  return can(path, constants.R_OK)
}

function can(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
