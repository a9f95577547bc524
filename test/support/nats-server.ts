// Real NATS servers for tests: Debian's nats-server, each a process that can be killed, stopped and started again on its
// ports and with its store. Knows nothing of Callboard.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import test, { type Implementation } from 'ava'
import { guard } from './guarded.ts'
import { reservedPort } from './reserved-port.ts'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'
import { until } from './until.ts'

const HOST = '127.0.0.1'
const PATIENCE_S = 60
// Debian installs daemons where an ordinary user's PATH does not look.
/** For whoever runs `nats-server` itself. */
export const natsServerEnvironment = { ...process.env, PATH: [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter) }

/** Why there is no nats-server here, for tests to skip by; undefined: there is one. Where CI=true there must be. */
export const noNatsServer: string | undefined =
  process.env['CI'] === 'true' || spawnSync('nats-server', ['--version'], { env: natsServerEnvironment }).status === 0 ? undefined : 'nats-server is not installed'

/** Declares a test that runs where nats-server is installed. */
export function natsTest(title: string, story: Implementation<[]>): void {
  if (noNatsServer === undefined) test(title, story)
  else test.skip(`${title} (left out: ${noNatsServer})`, story)
}

/** The same for a story with several processes, or with times: no other one of its file runs beside it. */
export function natsStory(title: string, story: Implementation<[]>): void {
  if (noNatsServer === undefined) test.serial(title, story)
  else natsTest(title, story)
}

export interface NatsServerOptions {
  /** With JetStream, its store in a directory of the test. default false */
  readonly jetStream?: boolean
  /** More of its configuration file, as nats-server names the keys: `{ authorization: { token: 'x' } }`. */
  readonly config?: object
}

/** Where a server listens, as its configuration file says. */
interface Listens {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly monitorPort: number
}

export class NatsServer {
  readonly name: string
  readonly port: number
  /** `nats://<host>:<port>` */
  readonly url: string
  readonly #listens: Listens
  readonly #file: string
  #process: ChildProcess | undefined
  #log = ''

  private constructor(listens: Listens, file: string) {
    this.name = listens.name
    this.port = listens.port
    this.url = `nats://${listens.host}:${listens.port}`
    this.#listens = listens
    this.#file = file
  }

  /** A server of a configuration file that the test wrote itself; killed when the test ends. */
  static ofFile(t: Teardown, file: string, listens: Listens): NatsServer {
    const server = new NatsServer(listens, file)
    t.teardown(() => server.kill())
    return server
  }

  /** A server that is configured and does not run yet; killed when the test ends. */
  static async configure(t: Teardown, { jetStream = false, config = {} }: NatsServerOptions = {}): Promise<NatsServer> {
    const directory = temporaryDirectory(t)
    const [port, monitorPort] = [await reservedPort(t), await reservedPort(t)]
    const name = `n${port}`
    const file = join(directory, 'nats-server.conf')
    // nats-server reads JSON as well as its own form.
    const all = { server_name: name, listen: `${HOST}:${port}`, http: `${HOST}:${monitorPort}`, ...(jetStream ? { jetstream: { store_dir: join(directory, 'store') } } : {}), ...withTimeToComeIn(config) }
    writeFileSync(file, JSON.stringify(all, undefined, 2))
    return NatsServer.ofFile(t, file, { name, host: HOST, port, monitorPort })
  }

  /** Where its monitoring pages are, `http://127.0.0.1:<port>/`. */
  get monitorUrl(): string {
    return `http://${this.#listens.host}:${this.#listens.monitorPort}/`
  }

  get isRunning(): boolean {
    return this.#process !== undefined
  }

  /** The process's id while it runs. */
  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error(`${this.name} does not run`)
    return this.#process.pid
  }

  /** What it has written to its log, over all starts. */
  get log(): string {
    return this.#log
  }

  /** Starts it, or starts it again after `kill()` or `stop()`: same ports, same store. Resolves when it greets clients. */
  async start(): Promise<void> {
    const child = spawn('nats-server', ['--config', this.#file], { env: natsServerEnvironment, stdio: ['ignore', 'ignore', 'pipe'] })
    this.#process = child
    guard(child)
    child.stderr.on('data', chunk => (this.#log += String(chunk)))
    child.once('error', error => (this.#log += String(error)))
    child.once('close', () => {
      if (this.#process === child) this.#process = undefined
    })
    await until(async () => {
      if (this.#process !== child) throw new Error(`${this.name} did not start: ${this.#log}`)
      return this.#greets()
    })
  }

  /** SIGKILL: it cannot say anything more. Resolves when the process is gone; one that does not run is left alone. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** SIGTERM: it ends in order. */
  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** SIGSTOP: its connections stay open, and nothing is read or answered. Resolves when the process stands still. */
  async freeze(): Promise<void> {
    process.kill(this.pid, 'SIGSTOP')
    await until(() => this.#stateOfProcess() === 'T')
  }

  /** SIGCONT: it goes on as if nothing had been. */
  async thaw(): Promise<void> {
    process.kill(this.pid, 'SIGCONT')
    await until(() => this.#stateOfProcess() !== 'T')
  }

  /** What one of its monitoring pages says, such as `connz?subs=1`; undefined: it does not answer in that time. */
  async monitor<T>(page: string, withinMs = 2000): Promise<T | undefined> {
    try {
      const response = await fetch(`${this.monitorUrl}${page}`, { signal: AbortSignal.timeout(withinMs) })
      return (await response.json()) as T
    } catch {
      return undefined
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    if (child === undefined) return
    const closed = once(child, 'close')
    child.kill(signal)
    await closed
  }

  // The state is the first word behind the name, which may have spaces and parentheses of its own. (proc_pid_stat(5))
  #stateOfProcess(): string {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2)[0]!
  }

  // Every connection is greeted by INFO, in plain also where TLS follows.
  #greets(): Promise<boolean> {
    return new Promise(resolve => {
      const socket = connect(this.port, this.#listens.host)
      socket.once('data', chunk => {
        resolve(chunk.toString('latin1').startsWith('INFO '))
        socket.destroy()
      })
      socket.on('error', () => {})
      socket.once('close', () => resolve(false))
    })
  }
}

// By default a client has 2 s for its handshake, and as much to say who it is: short for a machine that runs many tests.
function withTimeToComeIn(config: { readonly authorization?: object; readonly tls?: object }): object {
  const { authorization, tls } = config
  return { ...config, ...(authorization && { authorization: { timeout: PATIENCE_S, ...authorization } }), ...(tls && { tls: { timeout: PATIENCE_S, ...tls } }) }
}

/** One server that runs; killed when the test ends. */
export async function startNatsServer(t: Teardown, options: NatsServerOptions = {}): Promise<NatsServer> {
  const server = await NatsServer.configure(t, options)
  await server.start()
  return server
}
