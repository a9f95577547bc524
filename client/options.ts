// What connect() may be told on Node, and what the environment says instead. Reads the environment and the token file.

import { readFileSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { BrokerError } from '../broker/ground/errors.ts'
import { homeFromEnvironment, homePaths, isCode } from '../broker/ground/home.ts'
import type { ClientOptions } from './client.ts'
import { NETWORK_SESSION_TTL_MS, withDefaults, type ConnectionOptions } from './connection-options.ts'
import type { Credential, Identity } from './handshake.ts'
import { isWebSocketUrl } from './websocket-link.ts'

export interface ConnectOptions extends ConnectionOptions {
  /** Address of the broker's gateway, such as `ws://127.0.0.1:18789`: a WebSocket instead of the Unix socket. default: CALLBOARD_URL, unless `socket`, `home` or CALLBOARD_SOCKET is given */
  readonly url?: string
  /** Path of the broker's socket. default: that of `home`, else CALLBOARD_SOCKET, else `callboard.sock` in the home */
  readonly socket?: string
  /** The broker's home. default CALLBOARD_HOME, else ~/.callboard */
  readonly home?: string
  /** The credential. default: that of `tokenFile`, else of `home`, else CALLBOARD_TOKEN, else the file `token` in the home */
  readonly token?: string
  /** File whose text is the credential. */
  readonly tokenFile?: string
  /** Agent name under which it also receives. default CALLBOARD_AGENT; false = none, for programs that agents start */
  readonly agent?: string | false
  /**
   * true: spans of what is sent, and of each `onMessage` while it runs, by what the application registered at OpenTelemetry's API (see `startTracing`); what a
   * handler sends continues the trace of its message. `propagate`: that alone, without OpenTelemetry. default false
   */
  readonly tracing?: boolean | 'propagate'
}

const CONNECT_TIMEOUT = 'CALLBOARD_CONNECT_TIMEOUT_MS'

let clientCount = 0

/** The socket that these options mean. */
export function socketPath(options: ConnectOptions, environment: NodeJS.ProcessEnv = process.env): string {
  if (options.socket !== undefined) return options.socket
  if (options.home === undefined && environment['CALLBOARD_SOCKET']) return environment['CALLBOARD_SOCKET']
  return homePaths(options.home ?? homeFromEnvironment(environment)).socket
}

/** Where these options say that the broker is: the URL of its gateway, or the path of its socket. */
export function brokerAddress(options: ConnectOptions, environment: NodeJS.ProcessEnv = process.env): string {
  if (options.url !== undefined) return options.url
  const isSocket = options.socket !== undefined || options.home !== undefined || Boolean(environment['CALLBOARD_SOCKET'])
  return (isSocket ? undefined : environment['CALLBOARD_URL']) || socketPath(options, environment)
}

/**
 * What the client is told, from the options and, where they are silent, the environment.
 * @throws BrokerError `config.invalid`: CALLBOARD_CONNECT_TIMEOUT_MS is no number of milliseconds
 */
export function clientOptions(options: ConnectOptions, environment: NodeJS.ProcessEnv = process.env): ClientOptions {
  const connectTimeoutMs = options.connectTimeoutMs ?? ambientConnectTimeoutMs(environment)
  return withDefaults({ ...options, ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }) }, {
    names: identityOf(options, environment),
    credential: () => credentialOf(options, environment),
    sessionTtlMs: isWebSocketUrl(brokerAddress(options, environment)) ? NETWORK_SESSION_TTL_MS : 0,
  })
}

// For machines on which every program is slow: commands have no option for it, and an agent's program may not ask.
function ambientConnectTimeoutMs(environment: NodeJS.ProcessEnv): number | undefined {
  const given = environment[CONNECT_TIMEOUT]
  if (!given) return undefined
  if (!/^[1-9]\d{0,8}$/.test(given)) throw new BrokerError('config.invalid', { problem: `${CONNECT_TIMEOUT} is "${given}"; it takes whole milliseconds from 1, such as 30000` })
  return Number(given)
}

function identityOf(options: ConnectOptions, environment: NodeJS.ProcessEnv): Identity {
  const ambientAgent = environment['CALLBOARD_AGENT'] || undefined
  const agent = options.agent === false ? undefined : (options.agent ?? ambientAgent)
  const program = options.program ?? agent ?? scriptName()
  const principal = options.principal ?? (ambientAgent !== undefined && ambientToken(options, environment) !== undefined ? `agent:${ambientAgent}` : undefined)
  return {
    ...(options.clientId === undefined ? { client: defaultClientId(program), clientDefault: true } : { client: options.clientId }),
    program,
    ...(agent === undefined ? {} : { agent }),
    ...(principal === undefined ? {} : { principal }),
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
