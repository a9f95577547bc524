// One incarnation of a local agent: a child process with all that it starts. Knows no actors, no restarts, no config file.

import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { Clock } from '../broker/ground/clock.ts'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { LimitHit } from '../broker/ground/crash.ts'
import type { SandboxReport } from '../broker/ground/sandbox.ts'
import type { LogLevel } from '../broker/ground/settings.ts'
import type { Log } from '../broker/ground/types.ts'
import { GroupEnding } from './group-ending.ts'
import type { Launch } from './launch.ts'
import type { LastLines } from './last-lines.ts'
import { OutputLog } from './output-log.ts'
import type { Cgroup } from './sandbox/cgroup.ts'
import { launcherCommand } from './sandbox/launcher-command.ts'
import type { SandboxPlan } from './sandbox/plan.ts'
import { confined, innermost } from './sandbox/sandboxed-child.ts'
import type { Mask } from './secret-copies.ts'
import { startProblem } from './start-problem.ts'

export interface AgentProcessOptions {
  readonly name: string
  readonly launch: Launch
  /** What it is kept from; undefined: nothing. */
  readonly sandbox?: SandboxPlan | undefined
  /** What it prints that must not be logged, beside its token. */
  readonly masks?: readonly Mask[] | undefined
  /** The least important lines of it that are logged. Default: all. */
  readonly logLevel?: LogLevel | undefined
  /** Gets what it prints. */
  readonly recent?: LastLines | undefined
  /** Its control groups, which a sandboxed one joins; whoever made them ends them. Default: none. */
  readonly cgroup?: Cgroup | undefined
  /** Nobody wants it any more: what is on the way to it is killed. Once it runs that is for `kill()`. */
  readonly signal?: AbortSignal | undefined
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
  /** Limits that it met, where something outside of it saw that. */
  readonly limits?: readonly LimitHit[]
}

/** ` (memory limit)` for an end at which something outside saw a limit met, to stand behind how it ended; empty otherwise. */
export function limitText({ limits = [] }: AgentExit): string {
  return limits.length === 0 ? '' : ` (${limits.map(({ limit }) => `${limit} limit`).join(', ')})`
}

// How long the output of a group that has ended may stay open: somebody left the group (setsid) and holds it. Two seconds in all.
const OUTPUT_LOOK_MS = 100
const OUTPUT_LOOKS = 20

/**
 * A running agent process in a process group of its own, so that what it starts ends with it.
 * Its stdin is a pipe on which nothing ever comes: its end says that the broker is gone, however that happened.
 */
export class AgentProcess {
  /** The first process of the group, and the number of that. */
  readonly pid: number
  /** Resolves when the process and its group are gone and its output is read to the end. */
  readonly exited: Promise<AgentExit>
  readonly #options: AgentProcessOptions
  #programPid: number
  #sandbox: SandboxReport | undefined
  #ending: GroupEnding | undefined
  #hasExited = false

  private constructor(child: ChildProcess, options: AgentProcessOptions) {
    this.pid = this.#programPid = child.pid!
    this.#options = options
    this.exited = this.#watch(child)
  }

  /**
   * Starts the process; resolves when the system has started it, confined as its plan says.
   * @throws BrokerError `agent.failed`, with the reason in words: no such command, no permission, no directory;
   * `sandbox.unavailable`, with what is missing
   */
  static async start(options: AgentProcessOptions): Promise<AgentProcess> {
    const { name, launch, sandbox } = options
    try {
      if (sandbox === undefined) return new AgentProcess(await spawned(launch.command, launch.args, launch.directory, launch.environment, 'pipe'), options)
      const [command, ...args] = launcherCommand(sandbox)
      // The launcher itself gets no environment: what the config says to the agent is not said to the program that confines it.
      const child = await withOpen(options.cgroup, groups => spawned(command, args, '/', {}, ['pipe', 'pipe', 'pipe', 'pipe', ...groups]))
      const agent = new AgentProcess(child, options)
      await agent.#confine(child, sandbox)
      return agent
    } catch (error) {
      throw error instanceof BrokerError ? error : new BrokerError('agent.failed', { agent: name, problem: startProblem(launch, error) }, { cause: error })
    }
  }

  /** The agent's own process: not the first one where programs stand around it that make its namespaces. */
  get programPid(): number {
    return this.#programPid
  }

  /** What its sandbox came to; undefined when it has none. */
  get sandbox(): SandboxReport | undefined {
    return this.#sandbox
  }

  /** Asks the group to end: SIGTERM, after `shutdownMs` SIGKILL. */
  stop(): void {
    this.#ending ??= new GroupEnding({ group: this.pid, graceMs: this.#options.shutdownMs, clock: this.#options.clock, deadlines: this.#options.deadlines, isLeaderRunning: () => !this.#hasExited })
  }

  /** Ends the group now: SIGKILL. */
  kill(): void {
    this.stop()
    this.#ending!.kill()
  }

  async #confine(child: ChildProcess, plan: SandboxPlan): Promise<void> {
    const { signal } = this.#options
    const kill = (): void => this.kill()
    signal?.addEventListener('abort', kill, { once: true })
    try {
      signal?.throwIfAborted()
      const report = await confined(this.#options.name, child, plan, this.#options.deadlines)
      // A plan may be there for the sake of a user alone.
      if (plan.settings.level !== 'none') this.#sandbox = report
      this.#programPid = innermost(this.pid)
    } catch (error) {
      this.kill()
      await this.exited
      throw error
    } finally {
      signal?.removeEventListener('abort', kill)
    }
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
    const limits = this.#options.cgroup?.hits() ?? []
    return { code, signal, ranMs, ...(limits.length > 0 && { limits }) }
  }

  #capture(output: Readable, stream: 'stdout' | 'stderr'): void {
    const { clock, deadlines, launch, log, logLevel: level, masks, recent } = this.#options
    const lines = new OutputLog({ stream, clock, deadlines, log, secret: launch.environment['CALLBOARD_TOKEN'], masks, level, recent })
    output.on('data', (chunk: Buffer) => lines.push(chunk))
    output.once('close', () => lines.end())
    output.on('error', error => log.warn({ stream, problem: error.message }, 'the agent\'s output broke'))
  }

  async #outputEnd(child: ChildProcess, closed: Promise<void>): Promise<void> {
    const { clock, deadlines, log } = this.#options
    let [looks, beganMs] = [OUTPUT_LOOKS, clock.monotonicMs()]
    const overdue = new Deadline(() => {
      const nowMs = clock.monotonicMs()
      // Where this process itself was held up, what has come meanwhile is read first: such a look counts for little.
      looks -= nowMs - beganMs < 2 * OUTPUT_LOOK_MS ? 1 : 0.1
      beganMs = nowMs
      if (looks > 0) return deadlines.set(overdue, OUTPUT_LOOK_MS)
      log.warn({ pid: this.pid }, 'a process that left the agent\'s group still holds its output; it is not read any more')
      child.stdout!.destroy()
      child.stderr!.destroy()
    })
    deadlines.set(overdue, OUTPUT_LOOK_MS)
    await closed
    deadlines.cancel(overdue)
  }
}

// The child has descriptors of its own once it runs.
async function withOpen(cgroup: Cgroup | undefined, use: (groups: readonly number[]) => Promise<ChildProcess>): Promise<ChildProcess> {
  const groups = cgroup?.open() ?? []
  try {
    return await use(groups)
  } finally {
    for (const fd of groups) closeSync(fd)
  }
}

function spawned(command: string, args: readonly string[], cwd: string, env: Readonly<Record<string, string>>, stdio: 'pipe' | ('pipe' | number)[]): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, detached: true, stdio })
    child.once('error', reject)
    child.once('spawn', () => {
      child.off('error', reject)
      resolve(child)
    })
  })
}
