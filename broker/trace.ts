// Answers what became of messages, out of what the flight recorder remembers.

import { setImmediate } from 'node:timers/promises'
import type { Core } from './core.ts'
import type { ApiAnswer } from './ground/api.ts'
import type { TraceDelivery, TraceEntry, TraceQuery, TraceQueueEvent } from './ground/trace-api.ts'
import { Kind, kindName } from './ground/kind.ts'
import { Fates, type RecordedDelivery } from './observe/fates.ts'
import type { RecordedRun } from './observe/recorder.ts'
import type { RefusedMessage } from './observe/refused-messages.ts'

/** `broker.incarnation.origin.id`, or the last two of them. */
const TEXT_ID = /^(?:(?<broker>[^.]+)\.(?<incarnation>\d+)\.)?(?<origin>\d{1,10})\.(?<id>\d{1,16})$/

/** Receivers that are looked at before others have their turn: a millisecond. All of a full recorder, with a hundred each, take a second. */
const LOOKS_A_TURN = 10_000

export class Trace {
  readonly #core: Core
  readonly #fates: Fates

  constructor(core: Core) {
    this.#core = core
    this.#fates = new Fates(core.recorder, core.departures, (number) => core.directory.number(number), (number) => core.queues.receiver(number))
  }

  /** What is known when it is called; it lets others have their turn while it looks. */
  async show(query: TraceQuery & { readonly limit: number }): Promise<Pick<ApiAnswer<'trace.show'>, 'entries' | 'from' | 'to'>> {
    const { oldest, next } = this.#core.recorder
    const entries = query.messageId === undefined ? await this.#listed(query, oldest, next) : this.#ofMessage(query.messageId)
    return { entries, from: oldest, to: next }
  }

  async #listed(query: TraceQuery & { readonly limit: number }, oldest: number, next: number): Promise<TraceEntry[]> {
    const { channel, limit, after, slowMs, dropped } = query
    const entries: TraceEntry[] = []
    // Who goes on from a position wants the next ones, so that none is passed over; who just looks, the latest.
    const [first, step] = after === undefined ? [next - 1, -1] : [Math.max(oldest, after + 1), 1]
    for (let seq = first, looked = 0; seq >= oldest && seq < next && entries.length < limit; seq += step) {
      looked += this.#look(seq, query, entries)
      if (looked < LOOKS_A_TURN) continue
      looked = 0
      await setImmediate()
    }
    if (after !== undefined) return entries
    entries.reverse()
    if (dropped !== true || channel !== undefined || slowMs !== undefined) return entries
    return [...entries, ...this.#refused(() => true, limit)].toSorted((a, b) => a.time - b.time).slice(-limit)
  }

  /** Adds the run's entry when it is one of those asked for; gives how many receivers were looked at, at least 1. */
  #look(seq: number, { channel, slowMs, dropped }: TraceQuery, entries: TraceEntry[]): number {
    const { recorder } = this.#core
    const run = recorder.at(seq)
    // Forgotten since the question was asked.
    if (run === undefined || (dropped === true && !recorder.mayBeLost(seq))) return 1
    if (channel !== undefined && run.subject !== channel && !run.subject.startsWith(`${channel}.`)) return 1
    const deliveries = this.#fates.of(run)
    const isWanted = (slowMs === undefined || this.#isSlow(run, deliveries, slowMs * 1000)) && (dropped !== true || isLost(run, deliveries))
    if (isWanted) entries.push(this.#entry(run, deliveries))
    return 1 + (deliveries?.length ?? 0)
  }

  // The message, and the answers to it, each with every receiver's fate.
  #ofMessage(messageId: string): TraceEntry[] {
    const { recorder } = this.#core
    const named = recorder.withMid(messageId)
    const at = named === undefined ? this.#numbers(messageId) : recorder.at(named)
    if (at === undefined) return []
    const { origin, firstId: id } = at
    const seqs = named === undefined ? recorder.find(origin, id) : [named]
    const own = seqs.map((seq) => recorder.at(seq)!)
    const answers = own.some(({ kind }) => kind === Kind.request) ? recorder.answersTo(origin, id).map((seq) => recorder.at(seq)!) : []
    const runs = [...own, ...answers].map((run) => {
      const deliveries = this.#fates.of(run)
      return { ...this.#entry(run, deliveries), ...(deliveries === undefined ? {} : { deliveries: deliveries.map((each) => this.#queued(run, id, each) ?? this.#delivery(each)) }) }
    })
    return runs.length > 0 ? runs : this.#refused((refused) => refused.origin === origin && refused.firstId <= id && id < refused.firstId + refused.count, 1)
  }

  #numbers(text: string): { origin: number; firstId: number } | undefined {
    const groups = TEXT_ID.exec(text)?.groups
    if (groups === undefined) return undefined
    const { broker, incarnation, origin, id } = groups
    if (broker !== undefined && (broker !== this.#core.broker || Number(incarnation) !== this.#core.incarnation)) return undefined
    return { origin: Number(origin), firstId: Number(id) }
  }

  #isSlow(run: RecordedRun, deliveries: readonly RecordedDelivery[] | undefined, leastMicros: number): boolean {
    if (deliveries === undefined) return run.writtenMicros >= leastMicros
    const ageMicros = this.#core.clock.wallMicros() - run.timeMicros
    return deliveries.some(({ fate, writtenMicros }) => (writtenMicros ?? (fate === 'pending' ? ageMicros : -1)) >= leastMicros)
  }

  #entry(run: RecordedRun, deliveries: readonly RecordedDelivery[] | undefined): TraceEntry {
    const { directory, previews } = this.#core
    const { seq, timeMicros, origin, firstId, kind, subject, count, bytes, receivers, mid, to, ref } = run
    const preview = previews.of(seq)
    return {
      seq,
      time: timeMicros,
      origin,
      sender: directory.nameOf(origin),
      id: firstId,
      kind: kindName(kind),
      subject,
      count,
      bytes,
      receivers,
      fate: this.#fates.summary(run, deliveries),
      steps: stepsOf(run, deliveries, this.#storedMicros(run, deliveries)),
      ...(mid === undefined ? {} : { mid }),
      ...(to === 0 ? {} : { answers: { origin: to, id: ref } }),
      ...(preview === undefined ? {} : { preview }),
    }
  }

  #delivery({ receiver, client, fate, writtenMicros }: RecordedDelivery): NonNullable<TraceEntry['deliveries']>[number] {
    const isQueue = this.#core.queues.receiver(receiver) !== undefined
    return { connection: isQueue ? 'queue' : `conn-${receiver}`, client: client ?? this.#core.directory.nameOf(receiver), fate, ...(writtenMicros === undefined ? {} : { written: Math.round(writtenMicros) }) }
  }

  /** When the first queue had it, since it was received; undefined: none has, or it is not known any more. */
  #storedMicros({ origin, firstId, timeMicros }: RecordedRun, deliveries: readonly RecordedDelivery[] | undefined): number | undefined {
    const { queues, queueHistory } = this.#core
    if (deliveries?.some(({ receiver }) => queues.receiver(receiver) !== undefined) !== true) return undefined
    const times = queueHistory.whereIs(origin, firstId).map((kept) => kept.timeMicros - timeMicros)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  // Of a message in a queue; what its run met with as a whole says less. undefined: the receiver is none, or nothing is known of it there.
  #queued({ origin, firstId, count, timeMicros }: RecordedRun, id: number, { receiver, client }: RecordedDelivery): TraceDelivery | undefined {
    const { queues, queueHistory, directory } = this.#core
    if (queues.receiver(receiver) === undefined) return undefined
    const kept = queueHistory.whereIs(origin, id >= firstId && id < firstId + count ? id : firstId).find(({ queue }) => queue === receiver)
    if (kept === undefined) return undefined
    const { position, isDuplicate } = kept
    const events: TraceQueueEvent[] = queueHistory
      .of(receiver, position)
      .filter(({ event }) => event !== 'stored' && event !== 'duplicate')
      .map(({ event, timeMicros: atMicros, attempt, connection, reason }) => ({
        event,
        at: atMicros - timeMicros,
        ...(attempt === 0 ? {} : { attempt }),
        ...(connection === 0 ? {} : { connection: `conn-${connection}`, client: directory.nameOf(connection) }),
        ...(reason === undefined ? {} : { reason }),
      }))
    return { connection: 'queue', client: client ?? '', fate: 'stored', queue: { position, ...(isDuplicate ? { duplicate: true as const } : {}), stored: kept.timeMicros - timeMicros, events } }
  }

  #refused(is: (refused: RefusedMessage) => boolean, limit: number): TraceEntry[] {
    const entries: TraceEntry[] = []
    for (const refused of this.#core.refusedMessages.all()) {
      if (entries.length >= limit) break
      if (!is(refused)) continue
      const { timeMicros, origin, firstId, count, code } = refused
      entries.push({ seq: -1, time: timeMicros, origin, sender: this.#core.directory.nameOf(origin), id: firstId, kind: 'refused', subject: '', count, bytes: 0, receivers: 0, fate: `rejected(${code})`, steps: { authorised: 0, routed: 0 } })
    }
    return entries
  }
}

// The last receiver's kernel has it: known when all are settled and one was written.
function stepsOf({ authorisedMicros, routedMicros }: RecordedRun, deliveries: readonly RecordedDelivery[] | undefined, storedMicros = Infinity): TraceEntry['steps'] {
  // The recorder takes the next writes for the end of routing. Of what only a queue got, those are the receipts, after it was stored.
  const routed = Math.max(authorisedMicros, Math.min(routedMicros, storedMicros), 0)
  const times = deliveries?.flatMap(({ writtenMicros }) => writtenMicros ?? []) ?? []
  const isSettled = deliveries?.every(({ fate }) => fate !== 'pending') === true
  return { authorised: Math.round(authorisedMicros), routed: Math.round(routed), ...(isSettled && times.length > 0 ? { written: Math.round(Math.max(...times)) } : {}) }
}

function isLost({ receivers }: RecordedRun, deliveries: readonly RecordedDelivery[] | undefined): boolean {
  return receivers === 0 || deliveries?.some(({ fate }) => fate.startsWith('dropped')) === true
}
