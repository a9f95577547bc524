// `callboard nats-server` as a launcher runs it: a process with a configuration file, found by its ports file.

import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ChildEnd } from './child-end.ts'
import { bin } from './run-callboard.ts'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'
import { until } from './until.ts'

export interface Ports {
  readonly nats: readonly string[]
  readonly monitoring?: readonly string[]
  readonly websocket?: readonly string[]
}

// By default a client has 2 s to say who it is: short for a machine that runs many tests. In the same lines, as mistakes are told with theirs.
function withTimeToComeIn(configuration: string): string {
  const block = 'authorization {'
  return configuration.includes(block) ? configuration.replace(block, `${block} timeout: 60,`) : `${configuration}\n${block} timeout: 60 }\n`
}

export class NatsCommand {
  /** Of the test: the configuration, the ports file and the home of the run are in it. */
  readonly directory: string
  readonly file: string
  readonly #child: ChildProcess
  readonly #end: ChildEnd
  #hasEnded = false

  private constructor(directory: string, file: string, child: ChildProcess) {
    this.directory = directory
    this.file = file
    this.#child = child
    this.#end = new ChildEnd(child)
    void this.#end.ended.then(() => (this.#hasEnded = true))
  }

  /** Started with this text as configuration, and further flags; ended with the test. */
  static start(t: Teardown, configuration: string, flags: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): NatsCommand {
    const directory = temporaryDirectory(t)
    const file = join(directory, 'nats.conf')
    writeFileSync(file, withTimeToComeIn(configuration))
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CALLBOARD_'))
    const words = [bin, 'nats-server', '-c', file, '--ports_file_dir', directory, ...flags]
    const child = spawn(process.execPath, words, { env: { ...Object.fromEntries(inherited), TMPDIR: directory, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), ...environment }, stdio: ['ignore', 'ignore', 'pipe'] })
    t.teardown(() => child.kill('SIGKILL'))
    return new NatsCommand(directory, file, child)
  }

  get pid(): number {
    return this.#child.pid!
  }

  get stderr(): string {
    return this.#end.complaints
  }

  get portsFile(): string {
    return join(this.directory, `nats-server_${this.pid}.ports`)
  }

  /** Where it listens; resolves when it does. */
  async ports(): Promise<Ports> {
    await until(() => existsSync(this.portsFile) || this.#hasEnded)
    if (this.#hasEnded) throw await this.#end.failure('did not listen')
    return JSON.parse(readFileSync(this.portsFile, 'utf8')) as Ports
  }

  async url(): Promise<string> {
    return (await this.ports()).nats[0]!
  }

  /** Another configuration, and a SIGHUP; resolves when it says what became of it. */
  async reload(configuration: string): Promise<void> {
    writeFileSync(this.file, withTimeToComeIn(configuration))
    const before = this.stderr.length
    this.signal('SIGHUP')
    await until(() => /Reloaded server configuration|Failed to reload/.test(this.stderr.slice(before)) || this.#hasEnded)
    if (this.#hasEnded) throw await this.#end.failure('did not reload')
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal)
  }

  /** Exit code, or the name of the signal that ended it. */
  async exit(): Promise<number | string> {
    const [code, signal] = await this.#end.ended
    return code ?? signal!
  }
}
