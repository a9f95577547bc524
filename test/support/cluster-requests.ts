// Steady requests over several brokers, to one queue group of responders: what each came to, how long it took, and whether
// any was done twice.

import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '../../client/index.ts'
import { BrokerError } from '../../broker/ground/errors.ts'

interface Question {
  readonly from: string
  readonly n: number
}

const SUBJECT = 'mirror'
const GROUP = 'mirrors'
/** Time for an answer. ms */
const TIMEOUT_MS = 2000
/** What a busy machine may add to that. ms */
const LATE_MS = 20_000

/** How a request may end where something is killed or cut: with its answer, or by one of these names. */
const NAMED = ['request.no_responders', 'request.timeout', 'request.responder_gone', 'bus.down']

export class ClusterRequests {
  readonly #done = new Map<string, number>()
  readonly #ends = new Map<string, number>()
  readonly #wrong: string[] = []
  readonly #asking: Promise<void>[] = []
  #slowestMs = 0
  #isStopped = false

  /** One more responder of the group. */
  async answerAt(client: Client): Promise<void> {
    const onMessage = async (message: { readonly value: Question; respond(value: unknown): Promise<void> | void }): Promise<void> => {
      const key = `${message.value.from} ${message.value.n}`
      this.#done.set(key, (this.#done.get(key) ?? 0) + 1)
      await message.respond(message.value)
    }
    await client.subscribe<Question>(SUBJECT, { group: GROUP, onMessage }).ready
  }

  /** One more asker, one request after the other until `stop()`. */
  askFrom(client: Client, name: string): void {
    this.#asking.push(this.#ask(client, name))
  }

  /** Asks no more; resolves when every request has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#asking)
  }

  /** How many requests ended so; `answered`, or an error's code. */
  ended(how: string): number {
    return this.#ends.get(how) ?? 0
  }

  /** What may never be: an answer to another question, an end without a name, one that took much longer than its time, a question that was worked on twice. */
  problems(): string[] {
    const twice = [...this.#done].filter(([, times]) => times > 1).map(([key, times]) => `${key} was answered ${times} times`)
    const nameless = [...this.#ends.keys()].filter(how => how !== 'answered' && !NAMED.includes(how)).map(how => `requests ended with ${how}`)
    const late = this.#slowestMs > TIMEOUT_MS + LATE_MS ? [`a request ended after ${Math.round(this.#slowestMs)} ms`] : []
    return [...this.#wrong, ...twice, ...nameless, ...late]
  }

  toString(): string {
    const ends = [...this.#ends].map(([how, count]) => `${count} ${how}`).join(', ')
    return `requests: ${ends}; the slowest took ${Math.round(this.#slowestMs)} ms`
  }

  async #ask(client: Client, from: string): Promise<void> {
    for (let n = 1; !this.#isStopped; n++) {
      const sinceMs = performance.now()
      const how = await this.#askOnce(client, { from, n })
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - sinceMs)
      this.#ends.set(how, (this.#ends.get(how) ?? 0) + 1)
      // The test has failed, and its clients are gone.
      if (how === 'client.closed') return
      await delay(1)
    }
  }

  async #askOnce(client: Client, question: Question): Promise<string> {
    try {
      const { value } = await client.request<Question>(SUBJECT, question, { json: true, timeoutMs: TIMEOUT_MS })
      if (value.from !== question.from || value.n !== question.n) this.#wrong.push(`${question.from} asked ${question.n} and got ${JSON.stringify(value)}`)
      return 'answered'
    } catch (error) {
      return BrokerError.from(error).code
    }
  }
}
