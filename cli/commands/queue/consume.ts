// `callboard queue consume`: takes messages of a queue as its consumers do, prints each, and settles it as whoever sits there says.

import { BrokerError, type Client, type QueuedMessage } from '../../../client/index.ts'
import { Asker } from '../../asker.ts'
import type { Context } from '../../context.ts'
import { Failure } from '../../failure.ts'
import { formatDuration, plural } from '../../format.ts'
import { interruption } from '../../interrupt.ts'
import { envelopeOf, messageLine } from '../../message-view.ts'
import { note, print, printJson } from '../../output.ts'
import { paint } from '../../table.ts'
import { withQueue } from '../../queues-named.ts'
import { withClient } from '../../with-client.ts'

interface ConsumeOptions {
  readonly ack?: true
  readonly nak?: true
  readonly term?: true
  readonly follow?: true
  readonly limit?: number
  readonly timeout: number
}

const QUESTION = '[a]ck  [n]ak, again later  [t]erm, a dead letter  [q]uit, it goes back? '
const VERDICTS: ReadonlyMap<string, Verdict> = new Map([['a', 'ack'], ['n', 'nak'], ['t', 'term']])
const REASON = 'by hand, with callboard queue consume'
/** So often in an ack wait a message stays with whoever looks at it. */
const EXTENSIONS = 3
/** Messages that are taken ahead where nobody is asked. */
const AHEAD = 256

/** Ctrl-C, the limit and an empty queue are all ordinary ends: exit code 0. What was taken and not settled goes back. */
export async function consumeQueue(context: Context, options: ConsumeOptions, [name = '']: readonly string[]): Promise<void> {
  const verdict = options.ack ? 'ack' : options.nak ? 'nak' : options.term ? 'term' : undefined
  const asks = verdict === undefined
  if (asks && (context.isJson || !process.stdin.isTTY)) throw Failure.usage('nobody can be asked here what becomes of each message', 'say --ack, --nak or --term; to look without taking: callboard queue inspect')
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, interruption()])
  const retry = options.follow ? { retry: { maxRetries: Infinity } } : {}
  await withClient(
    context,
    async client => {
      const { settings } = await withQueue(client, name, () => client.call('queue.show', { name }))
      const asker = asks ? new Asker() : undefined
      try {
        const taken = await take(client, name, { ...options, context, asker, verdict, extendMs: settings.ackWaitMs / EXTENSIONS, over }, signal)
        if (taken === 0 && over.signal.aborted) note(`nothing came in ${formatDuration(options.timeout)}; with --follow it waits until Ctrl-C`)
        else note(plural(taken, 'message'))
      } finally {
        asker?.close()
      }
    },
    retry,
  )
}

type Verdict = 'ack' | 'nak' | 'term'

interface Taking extends ConsumeOptions {
  readonly context: Context
  readonly asker: Asker | undefined
  /** What becomes of each message; undefined: whoever sits there says. */
  readonly verdict: Verdict | undefined
  readonly extendMs: number
  readonly over: AbortController
}

async function take(client: Client, name: string, taking: Taking, signal: AbortSignal): Promise<number> {
  const { context, asker, verdict, extendMs, follow, timeout, over, limit = Infinity } = taking
  const consumer = client.consume(name, { maxInFlight: asker === undefined ? Math.min(AHEAD, limit) : 1, signal })
  const answers = new Answers()
  let taken = 0
  let idle: NodeJS.Timeout | undefined
  const wait = (): void => {
    if (!follow) idle = setTimeout(() => over.abort(), timeout)
  }
  // The time counts from when the broker has heard of it.
  consumer.ready.then(
    () => {
      if (consumer.isActive) wait()
    },
    () => {},
  )
  try {
    for await (const message of consumer) {
      clearTimeout(idle)
      await (context.isJson ? printJson(rowOf(message)) : print(lineOf(message)))
      // Who is not asked does not wait either: one answer confirms many.
      if (asker === undefined) answers.add(say(message, verdict!))
      else if (!(await settle(message, asker, extendMs))) break
      if (++taken >= limit) break
      wait()
    }
  } finally {
    clearTimeout(idle)
    await consumer.stop()
  }
  await answers.all()
  return taken
}

/** Settlements under way; the first that fails ends the command. */
class Answers {
  readonly #open = new Set<Promise<void>>()
  #failure: Error | undefined

  add(answer: Promise<void>): void {
    if (this.#failure !== undefined) throw this.#failure
    this.#open.add(answer)
    answer.catch((error: unknown) => (this.#failure ??= BrokerError.from(error))).finally(() => this.#open.delete(answer))
  }

  async all(): Promise<void> {
    await Promise.allSettled(this.#open)
    if (this.#failure !== undefined) throw this.#failure
  }
}

/** False: no more. */
async function settle(message: QueuedMessage, asker: Asker, extendMs: number): Promise<boolean> {
  const extending = setInterval(() => void message.working().catch(() => {}), extendMs)
  try {
    const answer = await asker.ask(QUESTION, 'antq')
    const verdict = VERDICTS.get(answer ?? 'q')
    // Looked at, not handled: the attempt does not count.
    await (verdict === undefined ? message.release() : say(message, verdict))
    return verdict !== undefined
  } finally {
    clearInterval(extending)
  }
}

function say(message: QueuedMessage, verdict: Verdict): Promise<void> {
  if (verdict === 'ack') return message.ack()
  return verdict === 'nak' ? message.nak({ reason: REASON }) : message.term(REASON)
}

function lineOf(message: QueuedMessage): string {
  return `${paint('dim', `${message.position}${message.attempt === 1 ? '' : ` attempt ${message.attempt}`}`)}  ${messageLine(message)}`
}

function rowOf(message: QueuedMessage): object {
  const { queue, position, attempt } = message
  return { ...envelopeOf(message), queue, position, attempt }
}
