// A broker for one story: in this process with a log that can be read, or as a process of the command line. Each has a
// home of its own, clients that end before it does, and a configuration as an operator would write it.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError } from '../../broker/ground/errors.ts'
import { homePaths } from '../../broker/ground/home.ts'
import { defaultSettings, type Settings } from '../../broker/ground/settings.ts'
import { connect, type Client, type ConnectOptions } from '../../client/index.ts'
import { loadConfigOf } from '../../config/load.ts'
import { createBroker, type Broker } from '../../index.ts'
import { commandLine, startCallboard, type Callboard, type CommandLine } from './callboard.ts'
import { exitOf } from './child-end.ts'
import { GatewayPeer } from './gateway-peer.ts'
import { JsonPeer } from './json-peer.ts'
import { NativePeer } from './native-peer.ts'
import { recordedLog, type RecordedLog } from './recorded-log.ts'
import type { RunOptions } from './run-callboard.ts'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'

/** Time of clients to connect, to authenticate and to be answered, unless a test says otherwise: the defaults are short for a machine that runs many tests. */
const PATIENCE_MS = 60_000

export interface BrokerOptions {
  /** What the configuration file says. default: there is none */
  readonly config?: object
  /** A configuration that lies elsewhere than in the home. */
  readonly configFile?: string
  /** A home that was there before. default: a new one */
  readonly home?: string
  /** Times that the configuration does not name are those of the defaults; otherwise clients have a minute. For a broker in this process. */
  readonly isHurried?: true
}

/** What there is of every broker: ways in. Clients end when the test does. */
export class BrokerAccess {
  readonly home: string
  readonly socket: string
  /** URL of the WebSocket gateway; its port is a free one unless the configuration names another. */
  readonly gateway: string
  /** URL of the NATS port, likewise. */
  readonly nats: string
  readonly #t: Teardown

  constructor(t: Teardown, home: string, socket: string, gateway = '', nats = '') {
    this.#t = t
    this.home = home
    this.socket = socket
    this.gateway = gateway
    this.nats = nats
  }

  get natsPort(): number {
    return Number(new URL(this.nats).port)
  }

  /** The owner's token. */
  get token(): string {
    return readFileSync(homePaths(this.home).token, 'utf8').trim()
  }

  /** A client of the SDK; it does not come back by itself unless `retry` says so, and has time for a busy machine. */
  async connect(options: ConnectOptions = {}): Promise<Client> {
    const client = await this.#admitted({ socket: this.socket, home: this.home, retry: false, connectTimeoutMs: PATIENCE_MS, requestTimeoutMs: PATIENCE_MS, ...options })
    this.#t.teardown(() => client.destroy())
    return client
  }

  // A challenge holds for 10 s, whatever the times of handshakes are: who was held up for longer asks for another one.
  async #admitted(options: ConnectOptions, tries = 5): Promise<Client> {
    try {
      return await connect(options)
    } catch (error) {
      if (tries === 1 || BrokerError.from(error).code !== 'auth.expired') throw error
      return this.#admitted(options, tries - 1)
    }
  }

  /** Native frames by hand, after the handshake. */
  native(hello: object = {}): Promise<NativePeer> {
    return NativePeer.join(this.#t, this.socket, this.token, hello)
  }

  /** Native frames by hand, nothing said yet. */
  openNative(): Promise<NativePeer> {
    return NativePeer.open(this.#t, this.socket)
  }

  /** The gateway's dialect by hand, after hello-ok. */
  joinGateway(params: object = {}): Promise<GatewayPeer> {
    return GatewayPeer.join(this.#t, this.gateway, this.token, params)
  }

  /** The gateway's dialect by hand: greeted, nothing said yet. */
  openGateway(): Promise<GatewayPeer> {
    return GatewayPeer.open(this.#t, this.gateway)
  }

  /** JSON lines by hand, after the handshake. */
  json(hello: object = {}): Promise<JsonPeer> {
    return JsonPeer.join(this.#t, this.socket, this.token, hello)
  }

  /** JSON lines by hand, nothing said yet. */
  openJson(): Promise<JsonPeer> {
    return JsonPeer.open(this.#t, this.socket)
  }
}

export interface LocalBroker extends BrokerAccess {
  readonly broker: Broker
  readonly log: RecordedLog
  /** The command line, in processes of its own; a broker here spares the process of a broker. */
  readonly callboard: CommandLine
}

/** A broker in this process; stopped when the test ends. */
export async function startBroker(t: Teardown, options: BrokerOptions = {}): Promise<LocalBroker> {
  const home = prepareHome(t, options)
  const { settings, directory, file } = await loadConfigOf({ home, file: options.configFile })
  const log = recordedLog()
  const broker = await createBroker({ home, settings: options.isHurried === true ? onFreePorts(settings) : patient(onFreePorts(settings)), configDirectory: directory, ...(file !== undefined && { configFile: file }), log })
  t.teardown(() => broker.stop())
  return Object.assign(new BrokerAccess(t, home, broker.socketPath, broker.gatewayAddress, broker.natsAddress), { broker, log, callboard: commandLine(t, home) })
}

function onFreePorts(settings: Settings): Settings {
  const { gateway, nats } = settings
  return { ...settings, gateway: gateway.isPortRequired ? gateway : { ...gateway, port: 0 }, nats: nats.isPortRequired ? nats : { ...nats, port: 0 } }
}

// Whatever the configuration left as it is by default.
function patient({ nats, ipc, ...settings }: Settings): Settings {
  const byDefault = defaultSettings
  return {
    ...settings,
    nats: nats.authTimeoutMs === byDefault.nats.authTimeoutMs ? { ...nats, authTimeoutMs: PATIENCE_MS } : nats,
    ipc: {
      ...ipc,
      timeoutMs: ipc.timeoutMs === byDefault.ipc.timeoutMs ? PATIENCE_MS : ipc.timeoutMs,
      limits: ipc.limits.handshakeMs === byDefault.ipc.limits.handshakeMs ? { ...ipc.limits, handshakeMs: PATIENCE_MS } : ipc.limits,
    },
  }
}

export interface BrokerProcessOptions extends BrokerOptions, Pick<RunOptions, 'env' | 'through'> {}

export interface BrokerProcess extends BrokerAccess {
  readonly callboard: Callboard
  readonly pid: number
  /** Memory that the process has now. */
  rssBytes(): number
  /** Ends it with a signal; what it exited with. */
  end(signal: NodeJS.Signals): Promise<[code: number | null, signal: NodeJS.Signals | null]>
  /** Resolves when it has ended, by whomever. */
  readonly exited: Promise<[code: number | null, signal: NodeJS.Signals | null]>
}

/** A broker as `callboard start` makes it; ended in order when the test ends, so that its agents end too. */
export async function startBrokerProcess(t: Teardown, { config, home: given, ...run }: BrokerProcessOptions = {}): Promise<BrokerProcess> {
  // A home that was there before has its own.
  const isNew = given === undefined || config !== undefined
  const home = prepareHome(t, { ...(isNew ? { config: patientConfig(config) } : {}), ...(given === undefined ? {} : { home: given }) })
  const callboard = await startCallboard(t, { home, ...run })
  const { process: child, started } = callboard
  const exited = exitOf(child)
  const end: BrokerProcess['end'] = signal => {
    child.kill(signal)
    return exited
  }
  t.teardown(() => end('SIGTERM'))
  return Object.assign(new BrokerAccess(t, home, started.socket, started.gateway, started.nats), { callboard, pid: started.pid, rssBytes: () => residentBytes(started.pid), end, exited })
}

function prepareHome(t: Teardown, { home = temporaryDirectory(t), config }: BrokerOptions): string {
  if (config !== undefined) writeFileSync(join(home, 'config.json'), JSON.stringify(config))
  return home
}

// Beside many others a process may take longer than the defaults until it has let a client in, or answered it.
function patientConfig({ ipc, nats, ...config }: { readonly ipc?: { readonly limits?: object }; readonly nats?: object | false } = {}): object {
  return { ...config, ipc: { timeout: '1m', ...ipc, limits: { handshakeTimeout: '1m', ...ipc?.limits } }, nats: nats === false ? nats : { authTimeout: '1m', ...nats } }
}

/** Memory that a process has, as /proc says. */
function residentBytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kibibytes) * 1024
}
