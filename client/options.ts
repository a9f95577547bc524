// What connect() may be told, and what the environment says instead. Reads the environment and the token file.

import { readFileSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { systemClock } from '../broker/ground/clock.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { homeFromEnvironment, homePaths, isCode } from '../broker/ground/home.ts'
import type { RetrySettings } from '../broker/ground/settings.ts'
import type { ClientOptions } from './client.ts'
import type { Credential, Identity } from './handshake.ts'

export interface ConnectOptions {
  /** Path of the broker's socket. default: that of `home`, else CALLBOARD_SOCKET, else `callboard.sock` in the home */
  readonly socket?: string
  /** The broker's home. default CALLBOARD_HOME, else ~/.callboard */
  readonly home?: string
  /** The credential. default: that of `tokenFile`, else of `home`, else CALLBOARD_TOKEN, else the file `token` in the home */
  readonly token?: string
  /** File whose text is the credential. */
  readonly tokenFile?: string
  /** Whose credential it is. default `owner`; with CALLBOARD_TOKEN and CALLBOARD_AGENT `agent:<name>` */
  readonly principal?: string
  /** Id by which others reach this client: 1..128 of `A-Z a-z 0-9 _ -`. The same principal takes it over. default `<program>-<pid>`, with a number for the second client of a process */
  readonly clientId?: string
  /** Name for people. default: the agent's, else that of the running script */
  readonly program?: string
  /** Agent name under which it also receives. default CALLBOARD_AGENT; false = none, for programs that agents start */
  readonly agent?: string | false
  /** false: what this client publishes is not delivered to itself. default true */
  readonly echo?: boolean
  /** `challenge` never sends the token and proves the broker too; `token` saves a round trip. default `challenge` */
  readonly auth?: 'token' | 'challenge'
  /** Let the broker ping this client and close it when it falls silent; it must then read without long stops. default false */
  readonly heartbeat?: boolean
  /** How to come back after a disconnect; what is left out is as the broker says. `maxRetries: Infinity` never gives up; false never comes back. */
  readonly retry?: Partial<RetrySettings> | false
  /** Messages that may wait for the connection. default 1000, 0 = none */
  readonly offlineLimit?: number
  /** Time for requests that name none. ms, default: as the broker says */
  readonly requestTimeoutMs?: number
  /** Time for each attempt to connect, handshake included. ms, default 5000 */
  readonly connectTimeoutMs?: number
  /** Aborts connecting; later it destroys the client. */
  readonly signal?: AbortSignal
}

const DEFAULT_CONNECT_TIMEOUT_MS = 5000
const DEFAULT_OFFLINE_LIMIT = 1000
const HEARTBEAT_MS = 30_000

let clientCount = 0

/** The socket that these options mean. */
export function socketPath(options: ConnectOptions, environment: NodeJS.ProcessEnv = process.env): string {
  if (options.socket !== undefined) return options.socket
  if (options.home === undefined && environment['CALLBOARD_SOCKET']) return environment['CALLBOARD_SOCKET']
  return homePaths(options.home ?? homeFromEnvironment(environment)).socket
}

/** What the client is told, from the options and, where they are silent, the environment. */
export function clientOptions(options: ConnectOptions, environment: NodeJS.ProcessEnv = process.env): ClientOptions {
  return {
    identity: identityOf(options, environment),
    credential: () => credentialOf(options, environment),
    retry: options.retry ?? {},
    offlineLimit: options.offlineLimit ?? DEFAULT_OFFLINE_LIMIT,
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    requestTimeoutMs: options.requestTimeoutMs,
    clock: systemClock,
  }
}

function identityOf(options: ConnectOptions, environment: NodeJS.ProcessEnv): Identity {
  const ambientAgent = environment['CALLBOARD_AGENT'] || undefined
  const agent = options.agent === false ? undefined : (options.agent ?? ambientAgent)
  const program = options.program ?? agent ?? scriptName()
  const principal = options.principal ?? (ambientAgent !== undefined && ambientToken(options, environment) !== undefined ? `agent:${ambientAgent}` : undefined)
  return {
    client: options.clientId ?? defaultClientId(program),
    program,
    ...(agent === undefined ? {} : { agent }),
    ...(principal === undefined ? {} : { principal }),
    ...(options.echo === undefined ? {} : { echo: options.echo }),
    ...(options.heartbeat === true ? { heartbeatMs: HEARTBEAT_MS } : {}),
  }
}

// The id must be the same after a reconnect, so it is chosen here and not by the broker; and two clients of one process
// must not take each other over.
function defaultClientId(program: string): string {
  clientCount++
  const name = program.replace(/[^\w-]/g, '-').slice(0, 100)
  return clientCount === 1 ? `${name}-${process.pid}` : `${name}-${process.pid}-${clientCount}`
}

function scriptName(): string {
  const script = process.argv[1] ?? 'node'
  return basename(script, extname(script)) || 'node'
}

function credentialOf(options: ConnectOptions, environment: NodeJS.ProcessEnv): Credential {
  const auth = options.auth ?? 'challenge'
  const given = options.token ?? (options.tokenFile === undefined ? ambientToken(options, environment) : undefined)
  if (given !== undefined) return { token: given, auth }
  const path = options.tokenFile ?? homePaths(options.home ?? homeFromEnvironment(environment)).token
  return { token: readToken(path, options.tokenFile !== undefined), auth }
}

function ambientToken(options: ConnectOptions, environment: NodeJS.ProcessEnv): string | undefined {
  const isElsewhere = options.token !== undefined || options.tokenFile !== undefined || options.home !== undefined
  return isElsewhere ? undefined : environment['CALLBOARD_TOKEN'] || undefined
}

// A home without a token may belong to a broker that needs none: the broker says so, or that it was never started.
function readToken(path: string, isRequired: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if (isCode(error, 'ENOENT') && !isRequired) return undefined
    if (isCode(error, 'EACCES')) throw new BrokerError('connect.forbidden', { path }, { cause: error })
    throw new BrokerError('auth.required', {}, { cause: error })
  }
}
