// One incarnation of a local agent: a child process with all that it starts. Knows no actors, no restarts, no config file.

import { spawn, type ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { Clock } from '../broker/ground/clock.ts'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Log } from '../broker/ground/types.ts'
import { GroupEnding } from './group-ending.ts'
import type { Launch } from './launch.ts'
import { OutputLog } from './output-log.ts'
import { startProblem } from './start-problem.ts'

export interface AgentProcessOptions {
  readonly name: string
  readonly launch: Launch
  /** Time between SIGTERM and SIGKILL. ms */
  readonly shutdownMs: number
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly log: Log
}

/** How a process ended. Exactly one of code and signal is set. */
export interface AgentExit {
  /** 0..255 */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** How long it ran. ms */
  readonly ranMs: number
}

// How long the output of a group that has ended may stay open: somebody left the group (setsid) and holds it.
const OUTPUT_WAIT_MS = 2000

/**
 * A running agent process in a process group of its own, so that what it starts ends with it.
 * Its stdin is a pipe on which nothing ever comes: its end says that the broker is gone, however that happened.
 */
export class AgentProcess {
  readonly pid: number
  /** Resolves when the process and its group are gone and its output is read to the end. */
  readonly exited: Promise<AgentExit>
  readonly #options: AgentProcessOptions
  #ending: GroupEnding | undefined
  #hasExited = false

  private constructor(child: ChildProcess, options: AgentProcessOptions) {
    this.pid = child.pid!
    this.#options = options
    this.exited = this.#watch(child)
  }

  /**
   * Starts the process; resolves when the system has started it.
   * @throws BrokerError `agent.failed`, with the reason in words: no such command, no permission, no directory
   */
  static start(options: AgentProcessOptions): Promise<AgentProcess> {
    const { name, launch } = options
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => reject(new BrokerError('agent.failed', { agent: name, problem: startProblem(launch, error) }, { cause: error }))
      try {
        const child = spawn(launch.command, launch.args, { cwd: launch.directory, env: launch.environment, detached: true, stdio: 'pipe' })
        child.once('error', fail)
        child.once('spawn', () => {
          child.off('error', fail)
          resolve(new AgentProcess(child, options))
        })
      } catch (error) {
        fail(error)
      }
    })
  }

  /** Asks the group to end: SIGTERM, after `shutdownMs` SIGKILL. */
  stop(): void {
    this.#ending ??= new GroupEnding({ group: this.pid, graceMs: this.#options.shutdownMs, deadlines: this.#options.deadlines, isLeaderRunning: () => !this.#hasExited })
  }

  /** Ends the group now: SIGKILL. */
  kill(): void {
    this.stop()
    this.#ending!.kill()
  }

  async #watch(child: ChildProcess): Promise<AgentExit> {
    const { clock, log } = this.#options
    const startedMs = clock.monotonicMs()
    this.#capture(child.stdout!, 'stdout')
    this.#capture(child.stderr!, 'stderr')
    // It is never written to; a child that closes it is no error of ours. Nor is a signal that came too late.
    child.stdin!.on('error', () => {})
    child.on('error', () => {})
    const closed = new Promise<void>(resolve => child.once('close', () => resolve()))
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(resolve => child.once('exit', (...how) => resolve(how)))
    this.#hasExited = true
    const ranMs = Math.round(clock.monotonicMs() - startedMs)
    // What it started goes with it: the next incarnation must not meet the last one's children.
    this.stop()
    this.#ending!.look()
    if ((await this.#ending!.done) === 'stuck') log.error({ pid: this.pid }, 'processes of the agent survived SIGKILL')
    await this.#outputEnd(child, closed)
    return { code, signal, ranMs }
  }

  #capture(output: Readable, stream: 'stdout' | 'stderr'): void {
    const { clock, deadlines, launch, log } = this.#options
    const lines = new OutputLog({ stream, clock, deadlines, log, secret: launch.environment['CALLBOARD_TOKEN']! })
    output.on('data', (chunk: Buffer) => lines.push(chunk))
    output.once('close', () => lines.end())
    output.on('error', error => log.warn({ stream, problem: error.message }, 'the agent\'s output broke'))
  }

  async #outputEnd(child: ChildProcess, closed: Promise<void>): Promise<void> {
    const { deadlines, log } = this.#options
    const overdue = new Deadline(() => {
      log.warn({ pid: this.pid }, 'a process that left the agent\'s group still holds its output; it is not read any more')
      child.stdout!.destroy()
      child.stderr!.destroy()
    })
    deadlines.set(overdue, OUTPUT_WAIT_MS)
    await closed
    deadlines.cancel(overdue)
  }
}
