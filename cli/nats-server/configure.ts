// What a server is to be: its command line over its file, as nats-server lays them.

import { Failure } from '../failure.ts'
import { loadConf } from './conf/load.ts'
import type { FlagName, Flags } from './flags.ts'
import { Notes } from './keys/notes.ts'
import { tlsProblem } from './keys/tls.ts'
import { readServerOptions } from './keys/top-level.ts'
import type { ServerOptions } from './options.ts'

export interface Configured {
  readonly options: ServerOptions
  /** What was accepted and does nothing, a line each. */
  readonly warnings: readonly string[]
  readonly file: string | undefined
}

type FlagValue = string | number | boolean

/** Flags that are one option. The empty text and 0 say nothing, as in nats-server. */
const plain: Partial<Record<FlagName, (value: FlagValue) => ServerOptions>> = {
  addr: (host) => ({ host: host as string }),
  port: (port) => ({ port: port as number }),
  name: (serverName) => ({ serverName: serverName as string }),
  http_port: (port) => ({ monitor: { port: port as number } }),
  pid: (pidFile) => ({ pidFile: pidFile as string }),
  ports_file_dir: (portsFileDirectory) => ({ portsFileDirectory: portsFileDirectory as string }),
  log: (logFile) => ({ logFile: logFile as string }),
  log_size_limit: (logFileLimit) => ({ logFileLimit: logFileLimit as number }),
}

const ports: ReadonlySet<FlagName> = new Set(['port', 'http_port'])
const MAX_PORT = 65_535

const switches: Partial<Record<FlagName, (isOn: boolean) => ServerOptions>> = {
  debug: (debug) => ({ debug }),
  trace: (trace) => ({ trace }),
  VV: (trace) => ({ trace }),
  DV: (both) => ({ debug: both, trace: both }),
  DVV: (both) => ({ debug: both, trace: both }),
  logtime: (logtime) => ({ logtime }),
}

const ignored: Partial<Record<FlagName, string>> = {
  jetstream: 'there is no JetStream; its requests are answered as by a server without it',
  store_dir: 'there is no JetStream',
  syslog: 'log lines go to stderr, or to the file of --log',
  remote_syslog: 'log lines go to stderr, or to the file of --log',
  client_advertise: 'no addresses are advertised',
  profile: 'use the profiler of Node',
  max_traced_msg_len: 'payloads are not traced',
}

const CLUSTER = 'this broker joins others by bus.nats of its own configuration, see docs/cluster.md'
const refused: Partial<Record<FlagName, string>> = {
  https_port: 'the monitoring endpoints speak plain HTTP; use --http_port, and put a proxy in front',
  routes: CLUSTER,
  cluster: CLUSTER,
  cluster_name: CLUSTER,
  cluster_advertise: CLUSTER,
}

/**
 * Reads flags and file.
 * @throws ConfigError with every problem of the file, Failure (usage) for flags that cannot be had
 */
export function configure({ values }: Flags, environment: Readonly<Record<string, string | undefined>> = process.env): Configured {
  const notes = new Notes()
  const file = text(values, 'config')
  let options: ServerOptions = {}
  if (file !== undefined) {
    options = readServerOptions(loadConf(file, environment), notes)
    notes.check()
  }
  const warnings = [...notes.warnings]
  for (const [name, value] of values) {
    const why = refused[name]
    if (why !== undefined && value !== '') throw Failure.usage(`--${name} is not supported: ${why}`)
    if (ignored[name] !== undefined && value !== false) warnings.push(`--${name} has no effect: ${ignored[name]}`)
    if (typeof value === 'number' && ports.has(name) && (value < -1 || value > MAX_PORT)) throw Failure.usage(`--${name} is ${value}; allowed: 0 to 65535, or -1 for any that is free`)
    if (value !== '' && value !== 0) Object.assign(options, plain[name]?.(value))
    if (typeof value === 'boolean') Object.assign(options, switches[name]?.(value))
  }
  const monitorHost = options.monitor?.host ?? options.host
  if (options.monitor !== undefined && monitorHost !== undefined) options.monitor = { ...options.monitor, host: monitorHost }
  applyCredentials(values, options)
  applyTls(values, options)
  checkNoAuthUser(options)
  return { options, warnings, file }
}

function applyCredentials(values: Flags['values'], options: ServerOptions): void {
  const [user, password, token] = [text(values, 'user'), text(values, 'pass'), text(values, 'auth')]
  if (user === undefined && password === undefined && token === undefined) return
  const { authorization = {} } = options
  if (authorization.users !== undefined || options.accountUsers !== undefined) throw Failure.usage('--user, --pass and --auth go with no users of the file; keep one of both')
  options.authorization = { ...authorization, ...(user !== undefined && { user }), ...(password !== undefined && { password }), ...(token !== undefined && { token }) }
}

function applyTls(values: Flags['values'], options: ServerOptions): void {
  if (values.get('tls') === false) {
    options.tls = undefined
    return
  }
  if (![...values.keys()].some((name) => name.startsWith('tls'))) return
  const [certFile, keyFile, caFile] = [text(values, 'tlscert'), text(values, 'tlskey'), text(values, 'tlscacert')]
  if (certFile === undefined) throw Failure.usage('TLS Server certificate must be present and valid', 'name its file with --tlscert')
  if (keyFile === undefined) throw Failure.usage('TLS Server private key must be present and valid', 'name its file with --tlskey')
  options.tls = { certFile, keyFile, caFile, verify: values.get('tlsverify') === true, timeoutMs: options.tls?.timeoutMs }
  const problem = tlsProblem(options.tls)
  if (problem !== undefined) throw Failure.usage(problem)
}

function checkNoAuthUser({ noAuthUser, authorization, accountUsers, websocket }: ServerOptions): void {
  const users = [...(authorization?.users ?? []), ...(accountUsers ?? [])]
  for (const name of [noAuthUser, websocket?.noAuthUser]) {
    if (name !== undefined && !users.some((user) => user.name === name)) throw Failure.usage(`no_auth_user: "${name}" not present as user in authorization block or account configuration`)
  }
  if (websocket?.noAuthUser !== undefined && websocket.noAuthUser !== noAuthUser) throw Failure.usage('websocket.no_auth_user is not supported unless it is the no_auth_user of the server: users are the same on all ports')
}

function text(values: Flags['values'], name: FlagName): string | undefined {
  const value = values.get(name)
  return typeof value === 'string' && value !== '' ? value : undefined
}
