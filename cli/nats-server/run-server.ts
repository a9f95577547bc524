// A server from its start to its end: what it says, the files it leaves, the signals it takes.

import { writeFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { NATS_VERSION } from '../../broker/ground/nats-version.ts'
import type { Settings } from '../../broker/ground/settings.ts'
import { createBroker, type Broker } from '../../index.ts'
import { configure, type Configured } from './configure.ts'
import type { Flags } from './flags.ts'
import { logOptions } from './log-options.ts'
import { inWordsOfNatsServer } from './own-words.ts'
import { removePortsFile, urlsOf, writePortsFile, type Ports } from './ports-file.ts'
import { Reload } from './reload.ts'
import { ServerLog } from './server-log.ts'
import { clearLeftovers, makeThrowawayHome, removeThrowawayHome } from './throwaway-home.ts'
import { toSettings } from './to-settings.ts'

/** nats-server ends so on SIGTERM. */
const TERMINATED = 1
const FAILED = 1

/**
 * Starts the server; resolves when it is ready. It ends the process when it was signalled to.
 * @throws ConfigError, Failure, BrokerError when it does not come to run; nothing is left behind then
 */
export async function runServer(flags: Flags): Promise<void> {
  const configured = configure(flags)
  const { settings, warnings } = toSettings(configured.options)
  const log = new ServerLog(logOptions(configured.options))
  greet(log, configured)
  for (const warning of [...configured.warnings, ...warnings]) log.warn(warning)
  const given = flags.values.get('home') ?? (process.env['CALLBOARD_HOME'] || undefined)
  const home = typeof given === 'string' ? given : makeThrowawayHome()
  const isOwnHome = given === undefined
  if (isOwnHome) process.once('exit', () => removeThrowawayHome(home))
  let broker: Broker
  try {
    // What would stand in an audit log is gone with the home; each line of it waits for the disk.
    const audit = { ...settings.audit, enabled: settings.audit.enabled && !isOwnHome }
    broker = await createBroker({ home, settings: { ...settings, audit }, log: log.broker })
  } catch (error) {
    log.fatal(inWordsOfNatsServer(error instanceof Error ? error.message : String(error)))
    process.exitCode = FAILED
    return
  }
  if (isOwnHome) log.debug(`Home of this run: ${home}`)
  new Server({ flags, configured, settings, broker, log }).serve()
  // What was compiled is kept for the next start. Node does it when a process ends, but launchers of tests kill theirs.
  setImmediate(flushCompileCache)
  if (isOwnHome) await clearLeftovers()
}

interface ServerParts {
  readonly flags: Flags
  readonly configured: Configured
  readonly settings: Settings
  readonly broker: Broker
  readonly log: ServerLog
}

class Server {
  readonly #parts: ServerParts
  readonly #reload: Reload
  #portsFile: string | undefined
  #isLameDuck = false
  #exitCode = 0

  constructor(parts: ServerParts) {
    this.#parts = parts
    const { flags, configured, broker, log } = parts
    this.#reload = new Reload({ flags, configured, broker, log })
  }

  serve(): void {
    const { configured, broker, log } = this.#parts
    const { pidFile } = configured.options
    this.#takeSignals()
    this.#tellAddresses()
    if (pidFile !== undefined) this.#attempt(`write pid file ${pidFile}`, () => writeFileSync(pidFile, String(process.pid)))
    log.info('Server is ready')
    void broker.exited.then((reason) => {
      if (reason.kind === 'crash') log.fatal(inWordsOfNatsServer(reason.error.message))
      if (this.#portsFile !== undefined) removePortsFile(this.#portsFile)
      log.info('Server Exiting..')
      process.exit(reason.kind === 'crash' ? FAILED : this.#exitCode)
    })
  }

  #tellAddresses(): void {
    const { configured, settings, broker, log } = this.#parts
    const { nats } = settings
    const { options } = configured
    if (broker.monitorAddress !== undefined) log.info(`Starting http monitor on ${new URL(broker.monitorAddress).host}`)
    const webSocket = broker.natsWebSocketAddress
    if (webSocket !== undefined) {
      log.info(`Listening for websocket clients on ${webSocket.replace(/\/$/, '')}`)
      if (nats.websocket?.tls === undefined) log.warn('Websocket not configured with TLS. DO NOT USE IN PRODUCTION!')
    }
    const port = portOf(broker.natsAddress!)
    if (options.host === undefined) log.info(`Clients of this machine only: no host was said, and nats-server's 0.0.0.0 is not the default here; --addr 0.0.0.0 lets others in`)
    log.info(`Listening for client connections on ${nats.host}:${port}`)
    if (nats.tls !== undefined) log.info('TLS required for client connections')
    const directory = options.portsFileDirectory
    if (directory === undefined) return
    const ports: Ports = {
      nats: urlsOf(nats.tls === undefined ? 'nats' : 'tls', nats.host, port),
      ...(broker.monitorAddress !== undefined && { monitoring: urlsOf('http', nats.monitor!.host, portOf(broker.monitorAddress)) }),
      ...(webSocket !== undefined && { websocket: urlsOf(nats.websocket!.tls === undefined ? 'ws' : 'wss', nats.websocket!.host, portOf(webSocket)) }),
    }
    this.#attempt(`write ports file in ${directory}`, () => (this.#portsFile = writePortsFile(directory, ports)))
  }

  #takeSignals(): void {
    const { log } = this.#parts
    process.on('SIGINT', () => this.#stop(0))
    process.on('SIGTERM', () => this.#stop(TERMINATED))
    process.on('SIGHUP', () => this.#reload.run())
    process.on('SIGUSR1', () => this.#attempt('reopen the log', () => log.reopen()))
    process.on('SIGUSR2', () => this.#lameDuck())
  }

  #stop(exitCode: number): void {
    // In lame duck mode SIGTERM waits with everybody else.
    if (this.#isLameDuck && exitCode === TERMINATED) return
    this.#parts.log.info('Initiating Shutdown...')
    this.#exitCode = exitCode
    void this.#parts.broker.stop({ lameDuckMs: 0 })
  }

  #lameDuck(): void {
    if (this.#isLameDuck) return
    this.#isLameDuck = true
    this.#parts.log.info('Entering lame duck mode, stop accepting new clients')
    // As it stands now: it may have been loaded again.
    void this.#parts.broker.stop()
  }

  #attempt(what: string, act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#parts.log.error(`Unable to ${what}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

function greet(log: ServerLog, { options, file }: Configured): void {
  log.info('Starting nats-server')
  log.info(`  Version:  ${NATS_VERSION} (Callboard)`)
  if (options.serverName !== undefined) log.info(`  Name:     ${options.serverName}`)
  if (file !== undefined) log.info(`Using configuration file: ${file}`)
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url)
  // URL leaves a port away that its protocol has anyway.
  return port === '' ? (protocol === 'http:' || protocol === 'ws:' ? 80 : 443) : Number(port)
}
