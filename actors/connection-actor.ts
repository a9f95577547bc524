// A connection as an actor: its chart is hosted as a snapshot, since ten thousand roots would weigh more than their sockets.

import type { Connection, ConnectionEvent } from '../broker/connection.ts'
import type { Core } from '../broker/core.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { ActorHandle, ActorInfo, ExitReason } from '../broker/ground/types.ts'
import { connectionMachine } from '../machines/connection.ts'
import { HostedTable, type HostedChart } from './hosted.ts'

const table = new HostedTable(connectionMachine)

export class ConnectionActor implements ActorHandle {
  onExit: ActorHandle['onExit']
  readonly #core: Core
  readonly #connection: Connection
  readonly #chart: HostedChart<typeof connectionMachine>
  #isKilled = false

  constructor(core: Core, connection: Connection) {
    this.#core = core
    this.#connection = connection
    this.#chart = table.begin()
    this.#chart.send('START')
  }

  get id(): string {
    return this.#connection.id
  }

  /** An edge in the connection's life, as the data plane raises it. */
  take(event: ConnectionEvent): void {
    switch (event) {
      case 'authenticated':
        return void this.#chart.send('INITIALISED')
      case 'stalled':
        return void this.#chart.send('STALLED')
      case 'relieved':
        return void this.#chart.send('RELIEVED')
      case 'detached':
        return void this.#chart.send('MAINTAIN')
      case 'resumed':
        return void this.#chart.send('MAINTAINED')
      case 'draining':
        return void this.#chart.send('STOP')
      case 'closed':
        return this.#closed()
      default:
        return
    }
  }

  info(): ActorInfo {
    const { client, link, openedAtMs } = this.#connection
    const { address, pid } = link.peer
    const detail = [client, ...(link.protocol === undefined ? [] : [link.protocol]), address, ...(pid === undefined ? [] : [`pid ${pid}`]), ...(this.#chart.state === 'run.stalled' ? ['stalled'] : []), ...(this.#connection.state === 'detached' ? ['without a link'] : [])].filter((part) => part !== '').join(', ')
    return { id: this.id, kind: 'connection', phase: this.#chart.phase, incarnation: 1, restarts: 0, ageMs: Math.round(this.#core.clock.monotonicMs() - openedAtMs), mailbox: 0, detail, children: [] }
  }

  stop(): void {
    this.#core.end(this.#connection, new BrokerError('connection.draining'))
  }

  kill(): void {
    this.#isKilled = true
    this.#chart.send('KILL')
    if (this.#connection.state === 'detached') this.#core.end(this.#connection, new BrokerError('connection.killed'))
    else this.#connection.link.destroy(new BrokerError('connection.killed'))
  }

  // The pipeline has released everything by now.
  #closed(): void {
    const reason = this.#isKilled ? ({ kind: 'killed' } as const) : exitReason(this.#connection.closeReason)
    // Where it ended in order, DRAINED is what leads on; elsewhere the chart passes over it.
    this.#chart.send('DRAINED')
    this.#chart.send(reason.kind === 'crash' ? 'FAILED' : 'FINISHED')
    this.#chart.send('RELEASED')
    this.onExit?.(reason, this)
  }
}

/** What the broker asked for is a shutdown; what it had to end, or lost, is a crash. */
function exitReason(closeReason: BrokerError | undefined): ExitReason {
  if (closeReason === undefined) return { kind: 'normal' }
  const isAsked = closeReason.code === 'connection.draining' || closeReason.code === 'connection.killed' || closeReason.code === 'session.taken_over'
  return isAsked ? { kind: 'shutdown' } : { kind: 'crash', error: closeReason }
}
