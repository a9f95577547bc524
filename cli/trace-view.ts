// Draws the way of one message through the broker: its steps, what became of it at each receiver, and the answers to it.
//
//   request 17.42 "msg-123" on command, 128 B
//   from cli-4711 (conn-17) at 12:03:04.123
//     received            at 0
//     authorised  +3 µs   at 3 µs
//     routed      +5 µs   at 8 µs    1 receiver
//     written     +92 µs  at 100 µs
//     └─ echo  conn-4  written  at 100 µs

import type { TraceDelivery, TraceEntry, TraceQueueEvent } from '../client/index.ts'
import { formatBytes, formatCount, formatMicros, formatTime, plural, printable } from './format.ts'
import { formatTable, paint, type Column } from './table.ts'

const MICROS_PER_MS = 1000

const fateStyles: Readonly<Record<string, 'green' | 'yellow' | 'dim'>> = { written: 'green', forwarded: 'green', stored: 'green', pending: 'yellow', mixed: 'yellow', unknown: 'dim' }

interface Hop {
  readonly step: string
  /** Since it was received; undefined: it did not come so far. µs */
  readonly at: number | undefined
  readonly took: number | undefined
  readonly remark: string
}

const hopColumns: readonly Column<Hop>[] = [
  { title: 'STEP', cell: hop => hop.step },
  { title: 'TOOK', align: 'right', cell: hop => (hop.took === undefined ? '-' : formatMicros(hop.took)) },
  { title: 'AT', align: 'right', cell: hop => (hop.at === undefined ? '-' : formatMicros(hop.at)) },
  { title: '', cell: hop => hop.remark },
]

const deliveryColumns: readonly Column<TraceDelivery>[] = [
  { title: 'RECEIVER', cell: each => each.client },
  { title: 'CONNECTION', cell: each => each.connection },
  { title: 'AT', align: 'right', cell: each => formatAt(each.written ?? each.queue?.stored) },
  { title: 'FATE', cell: each => `${each.fate}${each.queue === undefined ? '' : ` at ${formatCount(each.queue.position)}${each.queue.duplicate === true ? ', a duplicate' : ''}`}` },
]

const queueColumns: readonly Column<TraceQueueEvent>[] = [
  { title: 'IN THE QUEUE', cell: each => each.event },
  { title: 'ATTEMPT', align: 'right', cell: each => (each.attempt === undefined ? '-' : String(each.attempt)) },
  { title: 'AT', align: 'right', cell: each => formatAt(each.at) },
  { title: 'CONSUMER', cell: each => (each.client === undefined ? '' : `${each.client} (${each.connection ?? ''})`) },
  { title: '', cell: each => each.reason ?? '' },
]

/** The ways of the messages among `entries`, and below each one those of its answers. `prefix` is `broker.incarnation`. */
export function drawWays(entries: readonly TraceEntry[], prefix: string): string {
  const isAnswerTo = (entry: TraceEntry, message: TraceEntry): boolean => entry.answers !== undefined && entry.answers.origin === message.origin && contains(message, entry.answers.id)
  const messages = entries.filter(entry => !entries.some(other => other !== entry && isAnswerTo(entry, other)))
  return messages
    .map(message => {
      const answers = entries.filter(entry => entry !== message && isAnswerTo(entry, message))
      return [drawWay(message, prefix), ...answers.map(answer => indent(`${paint('dim', `answer, ${formatMicros(answer.time - message.time)} after the request`)}\n${drawWay(answer, prefix)}`))].join('\n\n')
    })
    .join('\n\n')
}

/** How long the message took until the last receiver had it; undefined while one has not, or when none was there. µs */
export function tookMicros(entry: TraceEntry): number | undefined {
  return entry.steps.written
}

/** The fate in the colour of its kind: written, waiting, lost. */
function paintFate(fate: string): string {
  const style = fateStyles[fate] ?? 'red'
  return paint(style, fate)
}

function drawWay(entry: TraceEntry, prefix: string): string {
  const { kind, origin, id, subject, bytes, count, sender, time, mid } = entry
  const run = count === 1 ? '' : `, in a run of ${formatCount(count)} messages`
  const own = mid === undefined ? '' : ` "${mid}"`
  // Of what was refused neither subject nor size is kept.
  const about = isRefused(entry) ? run : ` on ${paint('cyan', printable(subject))}, ${formatBytes(bytes)}${run}`
  const head = [
    `${paint('bold', printable(`${kind} ${origin}.${id}${own}`))}${about}`,
    `${paint('dim', 'id  ')}  ${printable(`${prefix}.${origin}.${id}`)}`,
    `${paint('dim', 'from')}  ${printable(sender)} (conn-${origin}) at ${formatTime(time / MICROS_PER_MS)}`,
    `${paint('dim', 'fate')}  ${paintFate(printable(entry.fate))}`,
  ]
  const { deliveries = [] } = entry
  const histories = deliveries.flatMap(({ queue }) => (queue === undefined || queue.events.length === 0 ? [] : [indent(formatTable(queueColumns, queue.events))]))
  return [...head, indent(formatTable(hopColumns, hopsOf(entry))), ...(deliveries.length === 0 ? [] : [indent(formatTable(deliveryColumns, deliveries))]), ...histories].join('\n')
}

function hopsOf(entry: TraceEntry): Hop[] {
  const { steps, receivers, fate, count } = entry
  const { authorised, routed, written } = steps
  const received: Hop = { step: 'received', at: 0, took: undefined, remark: '' }
  // A refused message went no further than its verdict.
  if (isRefused(entry)) return [received, { step: 'refused', at: undefined, took: undefined, remark: fate }]
  const each = count === 1 ? plural(receivers, 'receiver') : `${formatCount(receivers)} deliveries in all`
  const { deliveries = [] } = entry
  const stored = deliveries.flatMap(({ queue }) => queue?.stored ?? [])
  const kept: Hop[] = stored.length === 0 ? [] : [{ step: 'stored', at: Math.max(...stored), took: Math.max(0, Math.max(...stored) - routed), remark: '' }]
  // In a queue, and nowhere else.
  const isKept = deliveries.length === 0 ? fate === 'stored' : deliveries.length === kept.length
  const last = receivers === 0 ? 'nobody was there' : written === undefined ? (fate === 'unknown' ? 'when is not known any more' : 'not at every receiver') : ''
  return [
    received,
    { step: 'authorised', at: authorised, took: authorised, remark: '' },
    { step: 'routed', at: routed, took: Math.max(0, routed - authorised), remark: each },
    ...(isKept ? [] : [{ step: 'written', at: written, took: written === undefined ? undefined : Math.max(0, written - routed), remark: last }]),
    ...kept,
  ]
}

function formatAt(micros: number | undefined): string {
  return micros === undefined ? '-' : formatMicros(micros)
}

function isRefused({ fate }: TraceEntry): boolean {
  return fate.startsWith('rejected')
}

function contains({ id, count }: TraceEntry, wanted: number): boolean {
  return wanted >= id && wanted < id + count
}

function indent(text: string): string {
  return text.split('\n').map(line => `  ${line}`.trimEnd()).join('\n')
}
