// A process of the broker that comes after another one: what it gets from that, and when.
//
//   start ─ ready ─▶ … ◀─ take ─ home, store, tree, listeners ─ serving ─▶ … ◀─ taken
//
// Where the first is gone before it has said the last word, this one goes on: then nobody else does.

import { BrokerError } from '../../broker/ground/errors.ts'
import type { MovedArrival } from '../../broker/ground/handover.ts'
import { ListeningSockets } from '../../transports/listening-sockets.ts'
import { HANDOVER_FORMAT, LEGACY_VARIABLE, type Legacy, type Take, type ToPredecessor, type ToSuccessor } from './messages.ts'

export class Inheritance {
  /** Process id of the one before. */
  readonly predecessor: number
  readonly sockets: ListeningSockets
  /** Somebody waits for the end of that one. */
  readonly isForeground: boolean
  /** Resolves when the process before this one has ended, or lets go. */
  readonly predecessorGone: Promise<void>
  readonly #taken = Promise.withResolvers<Take | undefined>()
  readonly #left = Promise.withResolvers<void>()
  /** Takes what comes from other brokers to the process before this one. Set before this one serves. */
  onArrived: (arrivals: readonly MovedArrival[]) => void = () => {}
  #isOver = false

  /** What this process inherits; undefined: it was started like any other. Called once. */
  static ofThisProcess(): Inheritance | undefined {
    const text = process.env[LEGACY_VARIABLE]
    delete process.env[LEGACY_VARIABLE]
    return text === undefined || process.send === undefined ? undefined : new Inheritance(JSON.parse(text) as Legacy)
  }

  private constructor({ format, predecessor, isForeground, sockets }: Legacy) {
    this.predecessor = predecessor
    this.isForeground = isForeground
    this.sockets = new ListeningSockets(sockets)
    const gone = Promise.withResolvers<void>()
    this.predecessorGone = gone.promise
    process.on('message', (message: ToSuccessor) => {
      if (message.type === 'take') this.#taken.resolve(message)
      else if (message.type === 'arrived') this.onArrived(message.arrivals)
      else if (message.type === 'left') this.#left.resolve()
    })
    process.once('disconnect', () => {
      this.#isOver = true
      this.#taken.resolve(undefined)
      this.#left.resolve()
      gone.resolve()
    })
    // What came before this was heard is lost with the channel.
    if (!process.connected) process.emit('disconnect')
    if (format !== HANDOVER_FORMAT) throw new BrokerError('upgrade.failed', { problem: `the running broker hands over in format ${format}, this one takes ${HANDOVER_FORMAT}; use callboard restart` })
  }

  /** Says that this process can take over, and waits until it may. What it gets; undefined: the one before is gone without a word. */
  take(version: string): Promise<Take | undefined> {
    this.#tell({ type: 'ready', format: HANDOVER_FORMAT, version })
    return this.#taken.promise
  }

  serving(): void {
    this.sockets.closeUntaken()
    this.#tell({ type: 'serving' })
  }

  /** This process has its own link to other brokers. */
  joined(): void {
    this.#tell({ type: 'joined' })
  }

  /** Resolves when nothing comes to the process before this one from other brokers any more. */
  get predecessorLeft(): Promise<void> {
    return this.#left.promise
  }

  /** That agent of the process before this one may end. */
  relieved(agent: string): void {
    this.#tell({ type: 'relieved', agent })
  }

  failed(error: BrokerError): void {
    this.#tell({ type: 'failed', error: error.toBody() })
  }

  // Whoever does not hear it is gone, which is heard here in a moment.
  #tell(message: ToPredecessor): void {
    if (!this.#isOver) process.send?.(message, undefined, undefined, () => {})
  }
}
