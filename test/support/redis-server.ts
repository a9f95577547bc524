// Real Redis servers for tests: Debian's redis-server, each a process that can be killed, stopped and started again on its port
// and with its files. Knows nothing of Callboard.

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
// Debian's is in /usr/bin; others install daemons where an ordinary user's PATH does not look.
const environment = { ...process.env, PATH: [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter) }

/** Why there is no redis-server here, for tests to skip by; undefined: there is one. Where CI=true there must be. */
export const noRedisServer: string | undefined =
  process.env['CI'] === 'true' || spawnSync('redis-server', ['--version'], { env: environment }).status === 0 ? undefined : 'redis-server is not installed'

/** Declares a test that runs where redis-server is installed. */
export function redisTest(title: string, story: Implementation<[]>): void {
  if (noRedisServer === undefined) test(title, story)
  else test.skip(`${title} (left out: ${noRedisServer})`, story)
}

/** The same for a story with times: no other one of its file runs beside it. */
export function redisStory(title: string, story: Implementation<[]>): void {
  if (noRedisServer === undefined) test.serial(title, story)
  else redisTest(title, story)
}

/** Lines of its configuration file by name. */
export type RedisConfig = Readonly<Record<string, string>>

/** What keeps a message before it is confirmed. */
export const durable: RedisConfig = { appendonly: 'yes', appendfsync: 'always' }

export class RedisServer {
  readonly port: number
  /** `redis://<host>:<port>` */
  readonly url: string
  readonly #file: string
  #process: ChildProcess | undefined
  #log = ''

  private constructor(port: number, file: string) {
    this.port = port
    this.url = `redis://${HOST}:${port}`
    this.#file = file
  }

  /** A server that is configured and does not run yet; killed when the test ends. */
  static async configure(t: Teardown, config: RedisConfig = durable): Promise<RedisServer> {
    const directory = temporaryDirectory(t)
    const port = await reservedPort(t)
    const file = join(directory, 'redis.conf')
    const server = new RedisServer(port, file)
    server.configure({ dir: directory, bind: HOST, port: String(port), save: '""', 'enable-debug-command': 'local', ...config })
    t.teardown(() => server.kill())
    return server
  }

  /** What holds from the next start on, beside what held; the file is written anew. */
  configure(config: RedisConfig): void {
    this.#config = { ...this.#config, ...config }
    writeFileSync(this.#file, Object.entries(this.#config).map(([name, value]) => `${name} ${value}\n`).join(''))
  }

  #config: RedisConfig = {}

  /** Starts it, or starts it again after `kill()`: same port, same files. Resolves when it answers. */
  async start(): Promise<void> {
    const child = spawn('redis-server', [this.#file], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    guard(child)
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (this.#log += String(chunk)))
    child.once('error', error => (this.#log += String(error)))
    child.once('close', () => {
      if (this.#process === child) this.#process = undefined
    })
    await until(async () => {
      if (this.#process !== child) throw new Error(`redis-server did not start: ${this.#log}`)
      return this.#answers()
    })
  }

  /** SIGKILL: it cannot say or write anything more. Resolves when the process is gone; one that does not run is left alone. */
  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined) return
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }

  /** SIGSTOP: its connections stay open, and nothing is read or answered. Resolves when the process stands still. */
  async freeze(): Promise<void> {
    process.kill(this.#pid, 'SIGSTOP')
    await until(() => this.#stateOfProcess() === 'T')
  }

  /** SIGCONT: it goes on as if nothing had been. */
  thaw(): void {
    process.kill(this.#pid, 'SIGCONT')
  }

  get #pid(): number {
    if (this.#process?.pid === undefined) throw new Error('redis-server does not run')
    return this.#process.pid
  }

  // The state is the first word behind the name. (proc_pid_stat(5))
  #stateOfProcess(): string {
    const stat = readFileSync(`/proc/${this.#pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2)[0]!
  }

  // Anything but that it is loading its files; without a password it says so, and is there.
  async #answers(): Promise<boolean> {
    return /^(?:\+PONG|-NOAUTH)/.test(await this.answer('PING'))
  }

  /** The first line of what it answers to a command, of a connection of its own; '' = it is not there. */
  answer(command: string): Promise<string> {
    return new Promise(resolve => {
      const socket = connect(this.port, HOST, () => socket.write(`${command}\r\n`))
      socket.once('data', chunk => {
        resolve(chunk.toString('latin1').split('\r\n')[0]!)
        socket.destroy()
      })
      socket.on('error', () => {})
      socket.once('close', () => resolve(''))
    })
  }
}

/** One server that runs; killed when the test ends. */
export async function startRedisServer(t: Teardown, config: RedisConfig = durable): Promise<RedisServer> {
  const server = await RedisServer.configure(t, config)
  await server.start()
  return server
}
