// A collector for one's own eyes: takes spans by OTLP over HTTP (JSON) and prints each trace as a tree once nothing more came for a
// second. `node examples/spans.ts [PORT]`, default 4318; a broker sends to it with `telemetry: { endpoint: "http://127.0.0.1:4318" }`.

import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string }
}

interface SentSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly Attribute[]
}

interface SentSpans {
  readonly resourceSpans?: readonly { readonly resource: { readonly attributes: readonly Attribute[] }; readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[] }[]
}

interface Span extends SentSpan {
  readonly service: string
}

const QUIET_MS = 1000
/** Attributes that are worth a place on the line. */
const SHOWN = ['callboard.fate', 'callboard.receiver', 'error.type']

const traces = new Map<string, Span[]>()
const timers = new Map<string, NodeJS.Timeout>()

const server = createServer((request, response) => {
  const answer = (status: number): unknown => response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
  if (request.url === '/v1/traces') json(request).then(sent => take(sent as SentSpans)).then(() => answer(200), () => answer(400))
  else {
    // Metrics and logs are taken and not shown.
    request.resume()
    answer(200)
  }
})

function take({ resourceSpans = [] }: SentSpans): void {
  for (const { resource, scopeSpans } of resourceSpans) {
    const service = textOf(resource.attributes, 'service.name')
    for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
      const { traceId } = span
      traces.set(traceId, [...(traces.get(traceId) ?? []), { ...span, service }])
      clearTimeout(timers.get(traceId))
      timers.set(traceId, setTimeout(() => print(traceId), QUIET_MS))
    }
  }
}

function print(traceId: string): void {
  const spans = traces.get(traceId)!.toSorted((a, b) => (BigInt(a.startTimeUnixNano) < BigInt(b.startTimeUnixNano) ? -1 : 1))
  traces.delete(traceId)
  timers.delete(traceId)
  console.log(`trace ${traceId}`)
  const below = (parent: Span | undefined, depth: number): void => {
    for (const span of spans) {
      const isRoot = !spans.some(({ spanId }) => spanId === span.parentSpanId)
      if (parent === undefined ? !isRoot : span.parentSpanId !== parent.spanId) continue
      console.log(line(span, depth))
      below(span, depth + 1)
    }
  }
  below(undefined, 0)
}

function line({ service, name, startTimeUnixNano, endTimeUnixNano, attributes }: Span, depth: number): string {
  const ms = Number(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1e6
  const said = SHOWN.map(key => textOf(attributes, key)).filter(text => text !== '')
  return `${service.padEnd(10)} ${`${'  '.repeat(depth)}${name}`.padEnd(42)} ${ms.toFixed(2).padStart(8)} ms  ${said.join(' ')}`.trimEnd()
}

function textOf(attributes: readonly Attribute[], key: string): string {
  const value = attributes.find(attribute => attribute.key === key)?.value
  return String(value?.stringValue ?? value?.intValue ?? '')
}

server.listen(Number(process.argv[2] ?? 4318), '127.0.0.1', () => console.log(`waiting for spans at http://127.0.0.1:${process.argv[2] ?? 4318}`))
