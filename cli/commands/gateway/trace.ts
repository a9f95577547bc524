// `callboard gateway trace`, in short `callboard trace`: what became of messages, after the fact.

import { setTimeout as delay } from 'node:timers/promises'
import type { ApiAnswer, Client, TraceEntry, TraceQuery } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { Failure } from '../../failure.ts'
import { formatDuration, formatMicros, plural } from '../../format.ts'
import { interruption } from '../../interrupt.ts'
import { note, print, printJson } from '../../output.ts'
import type { Column } from '../../table.ts'
import { listTrace, traceColumns } from '../../trace-list.ts'
import { drawWays, tookMicros } from '../../trace-view.ts'
import { withClient } from '../../with-client.ts'

interface TraceOptions {
  readonly messageId?: string
  readonly channel?: string
  readonly slow?: number
  readonly dropped?: true
  readonly follow?: true
  readonly limit: number
}

type Trace = ApiAnswer<'trace.show'>
type Span = Pick<Trace, 'from' | 'to' | 'coversMs'>

const LOOK_AGAIN_MS = 500

const { time, id, sender, kind, subject, count, receivers, fate } = traceColumns
const took: Column<TraceEntry> = { title: 'TOOK', align: 'right', cell: entry => formatTook(tookMicros(entry)) }
const columns = [time, id, sender, kind, subject, count, receivers, took, fate]

export async function trace(context: Context, options: TraceOptions): Promise<void> {
  const { messageId, channel, slow, dropped } = options
  const query: TraceQuery = {
    ...(messageId !== undefined && { messageId }),
    ...(channel !== undefined && { channel }),
    ...(slow !== undefined && { slowMs: slow }),
    ...(dropped === true && { dropped }),
  }
  await withClient(context, client => {
    if (messageId !== undefined) return way(context, client, query, messageId, options)
    return listTrace(context, client, { query, columns, limit: options.limit, follow: options.follow === true, remark: answer => `${spanOf(answer)}; one of them: callboard trace --message-id ID` })
  })
}

async function way(context: Context, client: Client, query: TraceQuery, messageId: string, { limit, follow }: TraceOptions): Promise<void> {
  const { broker, incarnation } = client.welcome
  const ask = (): Promise<Trace> => client.call('trace.show', { ...query, limit })
  let answer = await ask()
  if (follow) {
    const signal = interruption()
    while (!signal.aborted && !isSettled(answer)) {
      await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {})
      answer = await ask()
    }
  }
  if (answer.entries.length === 0) throw unknownMessage(messageId, answer, broker, incarnation)
  if (context.isJson) return printJson(answer)
  await print(drawWays(answer.entries, `${broker}.${incarnation}`))
  note(`\n${spanOf(answer)}`)
}

/** True when the message is known and nothing of it is on its way any more. */
function isSettled({ entries }: Trace): boolean {
  return entries.length > 0 && entries.every(({ fate, deliveries = [] }) => fate !== 'pending' && deliveries.every(each => each.fate !== 'pending'))
}

/** `the recorder covers 1,024 runs, back to 12 s ago`. */
function spanOf({ from, to, coversMs }: Span): string {
  return to === from ? 'the recorder has seen no messages yet' : `the recorder covers ${plural(to - from, 'run')}, back to ${formatDuration(Math.round(coversMs))} ago`
}

/** Says which of the reasons it can be that a message is not known. */
function unknownMessage(messageId: string, answer: Span, broker: string, incarnation: number): Failure {
  const [, home, start] = /^([a-z0-9]{8,32})\.(\d+)\.\d+\.\d+$/.exec(messageId) ?? []
  const fail = (message: string, hint: string): Failure => new Failure({ code: 'message.unknown', message, hint, details: { messageId } })
  if (home !== undefined && home !== broker) return fail(`message ${messageId} is of broker ${home}, this one is ${broker}`, 'name the home of that broker with --home')
  if (start !== undefined && Number(start) !== incarnation) return fail(`message ${messageId} is of incarnation ${start}, the broker is in incarnation ${incarnation}`, 'the recorder begins anew with each start; what an earlier one logged is in: callboard logs')
  // Nothing was forgotten yet: then it never came.
  if (answer.from === 0) return fail(`no message ${messageId} was accepted since the broker started`, `${spanOf(answer)}; ids are shown by: callboard trace, those that were refused by: callboard trace --dropped`)
  return fail(`message ${messageId} is not known: it was never seen, or it is older than what the recorder remembers`, `${spanOf(answer)}; raise recorder.entries in the config to look back further`)
}

function formatTook(micros: number | undefined): string {
  return micros === undefined ? '-' : formatMicros(micros)
}
