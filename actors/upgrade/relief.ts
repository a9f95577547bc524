// Agents of the process before this one, until those of this process take part in what they do: none of their requests fails, and nobody
// serves under a name before he is ready.
//
//   arrived ─ the new one is let in, settled, in the same groups or 5 s are over, and not `starting` by its probes ─▶ addresses pass over ─ idle, or 5 s ─▶ relieved

import type { Connection } from '../../broker/connection.ts'
import type { Clock } from '../../broker/ground/clock.ts'
import type { Deadlines } from '../../broker/ground/deadlines.ts'
import type { Log } from '../../broker/ground/types.ts'
import type { Pipeline } from '../../broker/pipeline.ts'
import { waitUntil } from '../wait-until.ts'

export interface ReliefOptions {
  readonly pipeline: Pipeline
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly log: Log
  /** Told when an agent of the process before this one may end. */
  readonly onRelieved: (agent: string) => void
}

/** How long a new one is left to prepare, at least, and at most to take part in what the other one does. ms */
const SETTLE_MS = 300
const SERVE_MS = 5000
/** Time for the other one to answer what it has. ms */
const IDLE_MS = 5000
/** The process before this one ends its agents after so long, whatever is heard of them. ms */
export const FORMER_MS = 30_000

export class Relief {
  readonly #options: ReliefOptions
  /** By agent, the session of the one before. */
  readonly #former = new Map<string, Connection>()

  constructor(options: ReliefOptions) {
    this.#options = options
  }

  /** A session has come of an agent of the process before. */
  arrived(connection: Connection): void {
    this.#former.set(connection.agent!, connection)
    void waitUntil(() => !connection.isPresent, FORMER_MS, this.#options).then(() => this.#left(connection))
  }

  /** The agent has been let in, of this process; `former` still has its addresses. */
  came(fresh: Connection, former: Connection): void {
    const { directory } = this.#options.pipeline.core
    directory.add(former)
    this.#options.pipeline.retiring.keep(fresh, 'starting')
    void this.#relieve(fresh, former)
  }

  async #relieve(fresh: Connection, former: Connection): Promise<void> {
    const { pipeline, log } = this.#options
    const { retiring, core } = pipeline
    const sinceMs = this.#options.clock.monotonicMs()
    const serves = retiring.serves(former)
    const isReady = (): boolean => {
      const own = retiring.serves(fresh)
      const sofarMs = this.#options.clock.monotonicMs() - sinceMs
      // What its probes have not seen well yet would leave nobody to ask.
      if (core.registering.foundOf(fresh.agent!) === 'starting') return false
      return sofarMs >= SERVE_MS || (sofarMs >= SETTLE_MS && [...serves].every((each) => own.has(each)))
    }
    // The one before ends after that time anyway.
    await waitUntil(() => isReady() || !fresh.isPresent || !former.isPresent, FORMER_MS, this.#options)
    // It ended while it started: the next one comes.
    if (!fresh.isPresent) return
    retiring.keep(fresh, undefined)
    core.directory.add(fresh)
    core.addressesChanged()
    if (!former.isPresent) return
    retiring.leave(former)
    if (!(await waitUntil(() => retiring.isIdle(former) || !former.isPresent, IDLE_MS, this.#options))) log.warn({ agent: former.agent }, 'the agent of the process before this one has not answered all that it had')
    this.#left(former)
  }

  #left(connection: Connection): void {
    const { agent } = connection
    if (agent === undefined || this.#former.get(agent) !== connection) return
    this.#former.delete(agent)
    this.#options.onRelieved(agent)
  }
}
