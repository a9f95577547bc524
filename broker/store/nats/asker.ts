// Questions to JetStream, many at a time over one inbox: publishes that are confirmed, and settlements. Each is answered, or fails when
// the connection is lost or its time is over; then nobody knows whether it was done.

import { createInbox, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import { BrokerError } from '../../ground/errors.ts'

/** Time for one answer. ms */
const ANSWER_MS = 5000
const SWEEP_MS = 1000
/** Nobody listens at that subject: there is no JetStream, no such stream, or no leader at the moment. */
const NO_RESPONDERS = 503

export type Answer = (answer: Msg | BrokerError) => void

interface Asked {
  readonly answer: Answer
  readonly untilMs: number
}

export function unavailable(problem: string, cause?: unknown): BrokerError {
  return new BrokerError('store.unavailable', { backend: 'nats', problem }, { cause })
}

/** What the library is asked, with its errors in the words of the broker. @throws BrokerError `store.unavailable` */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw unavailable(error instanceof Error ? error.message : String(error), error)
  }
}

export class Asker {
  readonly #connection: NatsConnection
  readonly #inbox = createInbox()
  readonly #subscription: Subscription
  /** In the order they were asked. */
  readonly #asked = new Map<number, Asked>()
  #last = 0
  /** The connection is away: the library would keep questions, and ask them when nobody waits for the answer any more. */
  #away: BrokerError | undefined
  #sweep: NodeJS.Timeout | undefined

  constructor(connection: NatsConnection) {
    this.#connection = connection
    this.#subscription = connection.subscribe(`${this.#inbox}.*`, { callback: (_, message) => this.#answered(message) })
  }

  /** Called back later, exactly once. */
  ask(subject: string, body: Uint8Array | string, headers: MsgHdrs | undefined, answer: Answer): void {
    if (this.#away !== undefined) return queueMicrotask(answer.bind(undefined, this.#away))
    const number = ++this.#last
    try {
      this.#connection.publish(subject, body, { reply: `${this.#inbox}.${number}`, ...(headers === undefined ? {} : { headers }) })
    } catch (error) {
      queueMicrotask(() => answer(refused(error)))
      return
    }
    this.#asked.set(number, { answer, untilMs: performance.now() + ANSWER_MS })
    this.#sweep ??= setInterval(() => this.#expire(), SWEEP_MS)
  }

  /** The connection is gone: whatever was asked may have been done or not. */
  lost(problem: string): void {
    this.#away = unavailable(problem)
    const error = unavailable(`${problem}; nobody knows whether it was done`)
    // Whoever is told may ask again.
    const asked = [...this.#asked.values()]
    this.#asked.clear()
    for (const { answer } of asked) answer(error)
    this.#rest()
  }

  /** It is there again. */
  rejoined(): void {
    this.#away = undefined
  }

  close(): void {
    this.#subscription.unsubscribe()
    this.lost('the store is closed')
  }

  #answered(message: Msg): void {
    const number = Number(message.subject.slice(this.#inbox.length + 1))
    const asked = this.#asked.get(number)
    if (asked === undefined) return
    this.#asked.delete(number)
    asked.answer(message.headers?.code === NO_RESPONDERS ? unavailable('JetStream does not answer: the stream has no leader at the moment, or is gone') : message)
    this.#rest()
  }

  #expire(): void {
    const now = performance.now()
    for (const [number, { answer, untilMs }] of this.#asked) {
      if (untilMs > now) break
      this.#asked.delete(number)
      answer(unavailable(`no answer within ${ANSWER_MS} ms; nobody knows whether it was done`))
    }
    this.#rest()
  }

  #rest(): void {
    if (this.#asked.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }
}

// The library refuses what is larger than the servers take, and anything once it is closed.
function refused(error: unknown): BrokerError {
  const problem = error instanceof Error ? error.message : String(error)
  if (problem.includes('max_payload')) return new BrokerError('queue.bad_option', { problem: 'it is larger than max_payload of the NATS servers; raise it there, or split the payload' })
  return unavailable(problem, error)
}
