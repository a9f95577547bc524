// Watches the agents end: keeps a report of each that did so unasked or badly, and tells on the bus what became of every process.
//
//   process ends ──▶ ended ──▶ waits until it is known what follows ──▶ report kept ──▶ $CB.agent.crashed.<name>
//                                its supervisor decided · the next process began · the broker stops

import { CrashFiles } from '../agents/crashes/crash-files.ts'
import { crashReport, type AgentEnding } from '../agents/crashes/crash-report.ts'
import { instanceId, readInstanceId } from '../agents/instance-id.ts'
import type { AgentWatcher } from '../agents/local-agent.ts'
import { publishAgentEvent } from '../broker/agent-events.ts'
import type { Connection, ConnectionEvent } from '../broker/connection.ts'
import type { Core } from '../broker/core.ts'
import type { CrashNext, CrashReport } from '../broker/ground/crash.ts'
import { lastMessages } from '../broker/last-messages.ts'
import type { ChildEnd } from './child-spec.ts'

/** Messages in a report. */
const MAX_MESSAGES = 20
/** Connections of one process whose messages are looked for, the latest. */
const MAX_CONNECTIONS = 16
const PRINCIPAL_PREFIX = 'agent:'

interface Pending {
  readonly ending: AgentEnding
  readonly connections: readonly number[]
}

export class CrashReports implements AgentWatcher {
  readonly #core: Core
  readonly #files: CrashFiles
  /** Ended, and not decided upon: by instance id. */
  readonly #pending = new Map<string, Pending>()
  /** Numbers of the connections of the process that runs, by instance id. */
  readonly #connections = new Map<string, number[]>()

  /** `directory` is where reports are kept. */
  constructor(core: Core, directory: string) {
    this.#core = core
    this.#files = new CrashFiles(directory, core.log)
  }

  /** Reports of an agent, or of one instance `agent/2`, the newest first; empty also where nobody has that name. */
  async of(name: string): Promise<CrashReport[]> {
    const { agent, instance } = readInstanceId(name) ?? { agent: name, instance: 1 }
    const reports = await this.#files.of(agent)
    return name === agent ? reports : reports.filter(report => report.instance === instanceId(agent, instance))
  }

  /** Whoever connects with the credential of an instance is its process, or was started by it. */
  connectionEvent({ permissions, number }: Connection, event: ConnectionEvent): void {
    if (event !== 'authenticated' || permissions?.name.startsWith(PRINCIPAL_PREFIX) !== true) return
    const id = permissions.name.slice(PRINCIPAL_PREFIX.length)
    const known = this.#connections.get(id) ?? []
    this.#connections.set(id, [...known, number].slice(-MAX_CONNECTIONS))
  }

  began({ id, settings, pid, incarnation }: Parameters<AgentWatcher['began']>[0]): void {
    this.#settle(id, { kind: 'replaced' }, undefined)
    publishAgentEvent(this.#core, { event: 'started', agent: settings.name, instance: id, incarnation, pid })
  }

  ended(ending: AgentEnding): void {
    this.#settle(ending.id, { kind: 'replaced' }, undefined)
    this.#pending.set(ending.id, { ending, connections: this.#connections.get(ending.id) ?? [] })
    this.#connections.delete(ending.id)
  }

  /** The supervisor of an instance has decided what follows. */
  decided(id: string, { reason, next }: ChildEnd): void {
    this.#settle(id, next, reason.kind === 'crash' ? reason.error : undefined)
  }

  /** The broker stops: what is left to be said is written. */
  async close(): Promise<void> {
    for (const id of this.#pending.keys()) this.#settle(id, { kind: 'stopped' }, undefined)
    await this.#files.flush()
  }

  #settle(id: string, next: CrashNext, error: Error | undefined): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    const { ending, connections } = pending
    const report = crashReport(ending, { error, next, brokerIncarnation: this.#core.incarnation, messages: () => lastMessages(this.#core, connections, MAX_MESSAGES) })
    const { code, signal } = ending.process?.exit ?? {}
    const told = { agent: ending.settings.name, instance: id, incarnation: ending.incarnation, next, ...(ending.process && { pid: ending.process.pid }), ...(typeof code === 'number' && { code }), ...(typeof signal === 'string' && { signal }) }
    if (report === undefined) publishAgentEvent(this.#core, { event: 'exited', ...told })
    else {
      this.#core.log.info({ agent: told.agent, instance: id, report: report.id, reason: report.reason, next: next.kind }, 'crash report')
      publishAgentEvent(this.#core, { event: 'crashed', ...told, report: report.id, reason: report.reason })
      void this.#files.keep(report)
    }
    if (next.kind === 'quarantine') publishAgentEvent(this.#core, { event: 'quarantined', ...told, reason: next.reason })
  }
}
